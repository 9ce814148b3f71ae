package main

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	appsapply "k8s.io/client-go/applyconfigurations/apps/v1"
	coreapply "k8s.io/client-go/applyconfigurations/core/v1"
	metaapply "k8s.io/client-go/applyconfigurations/meta/v1"
)

var applySteps = []step{
	{"owners, conflicts and force", func(ctx context.Context, s *scene) (any, error) {
		maps := s.client.CoreV1().ConfigMaps(s.namespace)
		config := func(value string) *coreapply.ConfigMapApplyConfiguration {
			return coreapply.ConfigMap("applied", s.namespace).WithData(map[string]string{"a": value})
		}
		made, err := maps.Apply(ctx, config("1"), metav1.ApplyOptions{FieldManager: "first"})
		if err != nil {
			return nil, err
		}
		_, conflict := maps.Apply(ctx, config("2"), metav1.ApplyOptions{FieldManager: "second"})
		forced, err := maps.Apply(ctx, config("2"), metav1.ApplyOptions{FieldManager: "second", Force: true})
		if err != nil {
			return nil, err
		}
		mine, err := coreapply.ExtractConfigMap(forced, "second")
		if err != nil {
			return nil, err
		}
		shared, err := maps.Apply(ctx, mine.WithData(map[string]string{"b": "3"}), metav1.ApplyOptions{FieldManager: "second"})
		if err != nil {
			return nil, err
		}
		pruned, err := maps.Apply(ctx, coreapply.ConfigMap("applied", s.namespace), metav1.ApplyOptions{FieldManager: "second"})
		return map[string]any{"made": made, "conflict": told(conflict), "forced": forced, "extracted": mine, "shared": shared, "pruned": pruned}, err
	}},
	{"lists with keys", func(ctx context.Context, s *scene) (any, error) {
		deployments := s.client.AppsV1().Deployments(s.namespace)
		config := func(container, image string) *appsapply.DeploymentApplyConfiguration {
			return appsapply.Deployment("applied", s.namespace).WithSpec(appsapply.DeploymentSpec().
				WithReplicas(0).
				WithSelector(metaapply.LabelSelector().WithMatchLabels(map[string]string{"a": "b"})).
				WithTemplate(coreapply.PodTemplateSpec().WithLabels(map[string]string{"a": "b"}).
					WithSpec(coreapply.PodSpec().WithContainers(coreapply.Container().WithName(container).WithImage(image)))))
		}
		if _, err := deployments.Apply(ctx, config("one", "host"), metav1.ApplyOptions{FieldManager: "first"}); err != nil {
			return nil, err
		}
		both, err := deployments.Apply(ctx, config("two", "host"), metav1.ApplyOptions{FieldManager: "second"})
		return both, err
	}},
	{"a status", func(ctx context.Context, s *scene) (any, error) {
		pods := s.client.CoreV1().Pods(s.namespace)
		spec := coreapply.PodSpec().WithContainers(coreapply.Container().WithName("main").WithImage("host"))
		if _, err := pods.Apply(ctx, coreapply.Pod("applied", s.namespace).WithSpec(spec), metav1.ApplyOptions{FieldManager: "first"}); err != nil {
			return nil, err
		}
		status := coreapply.PodStatus().WithPhase("Running").WithPodIP("10.0.0.1")
		return pods.ApplyStatus(ctx, coreapply.Pod("applied", s.namespace).WithStatus(status), metav1.ApplyOptions{FieldManager: "kubelet"})
	}},
}
