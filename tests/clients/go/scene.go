package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
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

// What a client decides by when it is refused, and what a human reads.
func told(err error) any {
	if err == nil {
		return nil
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		s := status.Status()
		causes := []any{}
		if s.Details != nil {
			for _, cause := range s.Details.Causes {
				causes = append(causes, map[string]any{"type": cause.Type, "field": cause.Field})
			}
		}
		return map[string]any{"code": s.Code, "reason": s.Reason, "message": s.Message, "causes": causes}
	}
	return err.Error()
}

var (
	uid  = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	when = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
)

// Replaces what is another one on each server by its kind.
func normalise(value any) any {
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		return err.Error()
	}
	return replaced("", plain)
}

func replaced(key string, value any) any {
	switch typed := value.(type) {
	case map[string]any:
		for name, part := range typed {
			typed[name] = replaced(name, part)
		}
	case []any:
		for i, part := range typed {
			typed[i] = replaced("", part)
		}
	case string:
		if key == "resourceVersion" && typed != "" {
			return "<version>"
		}
		typed = uid.ReplaceAllString(typed, "<uid>")
		return when.ReplaceAllStringFunc(typed, func(found string) string {
			// Whether a time has a fraction is part of its form.
			if strings.Contains(found, ".") {
				return "<time.fraction>"
			}
			return "<time>"
		})
	}
	return value
}

// Counts across goroutines.
type counter struct{ atomic.Int64 }

func (c *counter) add()     { c.Add(1) }
func ptr[T any](value T) *T { return &value }
