package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/client-go/util/exec"
)

// The pod `target` stands on a node that the program which started this one plays.
const target = "target"

func runIn(ctx context.Context, s *scene, make func(string) (remotecommand.Executor, error), command ...string) (any, error) {
	request := s.client.CoreV1().RESTClient().Post().Resource("pods").Name(target).Namespace(s.namespace).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: "main", Command: command, Stdin: true, Stdout: true, Stderr: true}, scheme.ParameterCodec)
	executor, err := make(request.URL().String())
	if err != nil {
		return nil, err
	}
	var stdout, stderr bytes.Buffer
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: strings.NewReader("said to it"), Stdout: &stdout, Stderr: &stderr})
	seen := map[string]any{"stdout": stdout.String(), "stderr": stderr.String()}
	var exit exec.CodeExitError
	if errors.As(err, &exit) {
		seen["code"] = exit.Code
		return seen, nil
	}
	return seen, err
}

func executions(s *scene) map[string]func(string) (remotecommand.Executor, error) {
	websocket := func(url string) (remotecommand.Executor, error) {
		return remotecommand.NewWebSocketExecutor(s.config, "GET", url)
	}
	spdyOnly := func(url string) (remotecommand.Executor, error) {
		parsed := s.client.CoreV1().RESTClient().Post().AbsPath("/").URL()
		full, err := parsed.Parse(url)
		if err != nil {
			return nil, err
		}
		return remotecommand.NewSPDYExecutor(s.config, "POST", full)
	}
	return map[string]func(string) (remotecommand.Executor, error){
		"websocket": websocket,
		"SPDY":      spdyOnly,
		"fallback": func(url string) (remotecommand.Executor, error) {
			first, err := websocket(url)
			if err != nil {
				return nil, err
			}
			second, err := spdyOnly(url)
			if err != nil {
				return nil, err
			}
			return remotecommand.NewFallbackExecutor(first, second, func(error) bool { return true })
		},
	}
}

var kubeletSteps = []step{
	{"exec", func(ctx context.Context, s *scene) (any, error) {
		seen := map[string]any{}
		for name, make := range executions(s) {
			one, err := runIn(ctx, s, make, "echo", "input")
			if err != nil {
				return seen, fmt.Errorf("%s: %w", name, err)
			}
			fails, err := runIn(ctx, s, make, "fail", "3")
			if err != nil {
				return seen, fmt.Errorf("%s, a command that fails: %w", name, err)
			}
			seen[name] = []any{one, fails}
		}
		return seen, nil
	}},
	{"logs", func(ctx context.Context, s *scene) (any, error) {
		stream, err := s.client.CoreV1().Pods(s.namespace).GetLogs(target, &corev1.PodLogOptions{Container: "main", Follow: true}).Stream(ctx)
		if err != nil {
			return nil, err
		}
		defer stream.Close()
		text, err := io.ReadAll(stream)
		return string(text), err
	}},
	{"port-forward", func(ctx context.Context, s *scene) (any, error) {
		pod, err := s.client.CoreV1().Pods(s.namespace).Get(ctx, target, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		port := pod.Annotations["clients/port"]
		url := s.client.CoreV1().RESTClient().Post().Resource("pods").Name(target).Namespace(s.namespace).SubResource("portforward").URL()
		overWebsocket, err := portforward.NewSPDYOverWebsocketDialer(url, s.config)
		if err != nil {
			return nil, err
		}
		transport, upgrader, err := spdy.RoundTripperFor(s.config)
		if err != nil {
			return nil, err
		}
		overSPDY := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, "POST", url)
		seen := []string{}
		forward := func() error {
			stop, ready := make(chan struct{}), make(chan struct{})
			forwarder, err := portforward.New(
				portforward.NewFallbackDialer(overWebsocket, overSPDY, func(error) bool { return true }),
				[]string{"0:" + port}, stop, ready, io.Discard, io.Discard)
			if err != nil {
				return err
			}
			ended := make(chan error, 1)
			go func() { ended <- forwarder.ForwardPorts() }()
			select {
			case <-ready:
			case err := <-ended:
				return err
			}
			ports, err := forwarder.GetPorts()
			if err != nil {
				return err
			}
			answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", ports[0].Local))
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			text, err := io.ReadAll(answer.Body)
			seen = append(seen, string(text))
			close(stop)
			<-ended
			return err
		}
		for range 2 {
			if err := forward(); err != nil {
				return seen, err
			}
		}
		return seen, nil
	}},
}
