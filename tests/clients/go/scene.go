package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const protobuf = "application/vnd.kubernetes.protobuf"

// What the steps share.
type scene struct {
	config    *rest.Config
	namespace string
	crdFile   string
	client    kubernetes.Interface
	input     *bufio.Reader
}

func newScene(kubeconfig, namespace, crdFile string) (*scene, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	config.UserAgent = "clients"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &scene{config, namespace, crdFile, client, bufio.NewReader(os.Stdin)}, nil
}

// A client that asks for another content type.
func (s *scene) speaking(contentType string) (*rest.Config, kubernetes.Interface, error) {
	config := rest.CopyConfig(s.config)
	config.ContentType = contentType
	if contentType == protobuf {
		// As Kubernetes' own programs do.
		config.AcceptContentTypes = protobuf + ",application/json"
	}
	client, err := kubernetes.NewForConfig(config)
	return config, client, err
}

// Asks the program that started this one for something and waits until it is done.
func (s *scene) ask(what string) error {
	printLine(map[string]any{"wait": what})
	_, err := s.input.ReadString('\n')
	return err
}

// Asks until the answer holds.
func eventually(ctx context.Context, what string, holds func() (bool, error)) error {
	var last error
	for {
		ok, err := holds()
		if ok {
			return nil
		}
		if err != nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not seen in time: %s (last error: %v)", what, last)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func printLine(line map[string]any) {
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}

// What a client is told when it is refused.
func told(err error) any {
	if err == nil {
		return nil
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return status.Status()
	}
	return err.Error()
}

// Counts across goroutines.
type counter struct{ atomic.Int64 }

func (c *counter) add()     { c.Add(1) }
func ptr[T any](value T) *T { return &value }
