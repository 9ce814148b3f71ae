// One scenario of the Go client against one API server. It prints a line of JSON for each step: what it saw, whole,
// so that the lines of two servers can be compared.
//
// Usage: clients <kubeconfig> <namespace> <CRD file> <part>...
//
// A line {"wait": "restart"} asks for a restart of the server; the program goes on when a line arrives on its input.
package main

import (
	"context"
	"fmt"
	"os"
	"sort"
	"strings"
	"time"

	"k8s.io/klog/v2"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
)

// A part is a list of steps; a step answers what it saw, and an error where something went wrong that must not.
type step struct {
	name string
	run  func(context.Context, *scene) (any, error)
}

var parts = map[string][]step{
	"typed":     append(typedSteps("json", "application/json"), typedSteps("protobuf", protobuf)...),
	"pages":     pageSteps,
	"apply":     applySteps,
	"dynamic":   dynamicSteps,
	"discovery": discoverySteps,
	"informers": informerSteps,
	"restart":   restartSteps,
	"leader":    leaderSteps,
	"manager":   managerSteps,
	"kubelet":   kubeletSteps,
}

// Half a minute is what a real server's garbage collector takes to hear of a new kind of owners.
const patience = 90 * time.Second

func main() {
	if len(os.Args) < 5 {
		names := make([]string, 0, len(parts))
		for name := range parts {
			names = append(names, name)
		}
		sort.Strings(names)
		fmt.Fprintf(os.Stderr, "usage: clients <kubeconfig> <namespace> <CRD file> <part>...\nparts: %s\n", strings.Join(names, " "))
		os.Exit(2)
	}
	klog.SetOutput(os.Stderr)
	klog.LogToStderr(true)
	ctrllog.SetLogger(klog.Background())
	s, err := newScene(os.Args[1], os.Args[2], os.Args[3])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	failed := 0
	for _, part := range os.Args[4:] {
		steps, known := parts[part]
		if !known {
			fmt.Fprintf(os.Stderr, "no part %q\n", part)
			os.Exit(2)
		}
		for _, step := range steps {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			seen, err := step.run(ctx, s)
			cancel()
			line := map[string]any{"step": part + ": " + step.name, "seen": seen}
			if err != nil {
				line["failed"] = told(err)
				failed++
			}
			printLine(line)
		}
	}
	if failed > 0 {
		os.Exit(1)
	}
}
