package main

import (
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

var leaderSteps = []step{{"two contenders", func(ctx context.Context, s *scene) (any, error) {
	var lock sync.Mutex
	history := []string{}
	note := func(what string) {
		lock.Lock()
		defer lock.Unlock()
		history = append(history, what)
	}
	contend := func(ctx context.Context, name string, led chan<- struct{}) error {
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock: &resourcelock.LeaseLock{
				LeaseMeta:  metav1.ObjectMeta{Name: "leader", Namespace: s.namespace},
				Client:     s.client.CoordinationV1(),
				LockConfig: resourcelock.ResourceLockConfig{Identity: name},
			},
			LeaseDuration: 15 * time.Second, RenewDeadline: 10 * time.Second, RetryPeriod: 100 * time.Millisecond,
			ReleaseOnCancel: true,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) { note(name + " leads"); close(led) },
				OnStoppedLeading: func() { note(name + " stopped") },
			},
		})
		if err != nil {
			return err
		}
		elector.Run(ctx)
		return nil
	}
	firstCtx, stopFirst := context.WithCancel(ctx)
	secondCtx, stopSecond := context.WithCancel(ctx)
	defer stopFirst()
	defer stopSecond()
	firstLed, secondLed := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 2)
	go func() { ended <- contend(firstCtx, "first", firstLed) }()
	if err := arrives(ctx, firstLed); err != nil {
		return history, err
	}
	go func() { ended <- contend(secondCtx, "second", secondLed) }()
	lease := func() (any, error) {
		found, err := s.client.CoordinationV1().Leases(s.namespace).Get(ctx, "leader", metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		return map[string]any{"holder": found.Spec.HolderIdentity, "transitions": found.Spec.LeaseTransitions}, nil
	}
	before, err := lease()
	if err != nil {
		return nil, err
	}
	stopFirst()
	if err := arrives(ctx, secondLed); err != nil {
		return history, err
	}
	after, err := lease()
	stopSecond()
	for range 2 {
		if failed := <-ended; err == nil {
			err = failed
		}
	}
	lock.Lock()
	defer lock.Unlock()
	return map[string]any{"history": history, "before": before, "after": after}, err
}}}

func arrives(ctx context.Context, signal <-chan struct{}) error {
	select {
	case <-signal:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
