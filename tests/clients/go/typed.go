package main

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"
)

var podSpec = corev1.PodSpec{
	ServiceAccountName: "default",
	Volumes: []corev1.Volume{{
		Name: "settings",
		VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: "settings"},
			DefaultMode:          ptr[int32](0o440),
		}},
	}},
	Containers: []corev1.Container{{
		Name:    "main",
		Image:   "host",
		Command: []string{"sleep", "1"},
		Env: []corev1.EnvVar{
			{Name: "A", Value: "b"},
			{Name: "POD", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}},
		},
		Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{"cpu": resource.MustParse("0.5"), "memory": resource.MustParse("64Mi")},
		},
		ReadinessProbe: &corev1.Probe{
			ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/ready", Port: intstr.FromString("http")}},
			PeriodSeconds: 2,
		},
		VolumeMounts: []corev1.VolumeMount{{Name: "settings", MountPath: "/settings", ReadOnly: true}},
	}},
	TerminationGracePeriodSeconds: ptr[int64](0),
}

// The same steps for each content type a client may ask for.
func typedSteps(title, contentType string) []step {
	named := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: title + "-" + name, Labels: map[string]string{"of": title}}
	}
	with := func(name string, run func(context.Context, *scene, kubernetes.Interface) (any, error)) step {
		return step{title + " " + name, func(ctx context.Context, s *scene) (any, error) {
			_, client, err := s.speaking(contentType)
			if err != nil {
				return nil, err
			}
			return run(ctx, s, client)
		}}
	}
	return []step{
		with("config maps", func(ctx context.Context, s *scene, client kubernetes.Interface) (any, error) {
			maps := client.CoreV1().ConfigMaps(s.namespace)
			made, err := maps.Create(ctx, &corev1.ConfigMap{
				ObjectMeta: named("map"), Data: map[string]string{"a": "b"}, BinaryData: map[string][]byte{"raw": {0, 255}},
			}, metav1.CreateOptions{})
			if err != nil {
				return nil, err
			}
			_, twice := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: named("map")}, metav1.CreateOptions{})
			stale := made.DeepCopy()
			made.Data["a"] = "c"
			updated, err := maps.Update(ctx, made, metav1.UpdateOptions{})
			if err != nil {
				return nil, err
			}
			_, conflict := maps.Update(ctx, stale, metav1.UpdateOptions{})
			attempts := 0
			err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
				attempts++
				if attempts > 1 {
					fresh, err := maps.Get(ctx, stale.Name, metav1.GetOptions{})
					if err != nil {
						return err
					}
					stale = fresh
				}
				stale.Data["retried"] = "yes"
				_, err := maps.Update(ctx, stale, metav1.UpdateOptions{})
				return err
			})
			if err != nil {
				return nil, err
			}
			patched := []any{}
			for _, patch := range []struct {
				kind types.PatchType
				text string
			}{
				{types.JSONPatchType, `[{"op":"test","path":"/data/a","value":"c"},{"op":"add","path":"/data/json","value":"1"}]`},
				{types.MergePatchType, `{"data":{"merge":"2","retried":null}}`},
				{types.StrategicMergePatchType, `{"metadata":{"labels":{"strategic":"3"}}}`},
				{types.JSONPatchType, `[{"op":"test","path":"/data/a","value":"other"}]`},
			} {
				result, err := maps.Patch(ctx, stale.Name, patch.kind, []byte(patch.text), metav1.PatchOptions{FieldManager: "patcher"})
				if err != nil {
					patched = append(patched, told(err))
				} else {
					patched = append(patched, result)
				}
			}
			_, invalid := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "Not A Name"}}, metav1.CreateOptions{})
			dry, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: named("dry")}, metav1.CreateOptions{DryRun: []string{"All"}})
			if err != nil {
				return nil, err
			}
			_, absent := maps.Get(ctx, dry.Name, metav1.GetOptions{})
			wrong := types.UID("00000000-0000-0000-0000-000000000000")
			guarded := maps.Delete(ctx, stale.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &wrong}})
			if err := maps.Delete(ctx, stale.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &made.UID}}); err != nil {
				return nil, err
			}
			return map[string]any{
				"updated": updated, "twice": told(twice), "conflict": told(conflict), "attempts": attempts, "patched": patched,
				"invalid": told(invalid), "dry": dry, "absent": told(absent), "guarded": told(guarded),
			}, nil
		}),
		with("secrets", func(ctx context.Context, s *scene, client kubernetes.Interface) (any, error) {
			secrets := client.CoreV1().Secrets(s.namespace)
			made, err := secrets.Create(ctx, &corev1.Secret{
				ObjectMeta: named("secret"), Immutable: ptr(true), Data: map[string][]byte{"a": []byte("x")},
				StringData: map[string]string{"b": "y"},
			}, metav1.CreateOptions{})
			if err != nil {
				return nil, err
			}
			changed := made.DeepCopy()
			changed.Data["a"] = []byte("z")
			_, refused := secrets.Update(ctx, changed, metav1.UpdateOptions{})
			found, err := secrets.List(ctx, metav1.ListOptions{LabelSelector: "of=" + title, FieldSelector: "type=Opaque"})
			return map[string]any{"made": made, "refused": told(refused), "found": found}, err
		}),
		with("pods", func(ctx context.Context, s *scene, client kubernetes.Interface) (any, error) {
			pods := client.CoreV1().Pods(s.namespace)
			made, err := pods.Create(ctx, &corev1.Pod{ObjectMeta: named("pod"), Spec: podSpec}, metav1.CreateOptions{})
			if err != nil {
				return nil, err
			}
			made.Status.Phase = corev1.PodRunning
			made.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()}}
			running, err := pods.UpdateStatus(ctx, made, metav1.UpdateOptions{})
			if err != nil {
				return nil, err
			}
			broken := running.DeepCopy()
			broken.Spec.Containers[0].Env = nil
			_, immutable := pods.Update(ctx, broken, metav1.UpdateOptions{})
			_, empty := pods.Create(ctx, &corev1.Pod{ObjectMeta: named("empty")}, metav1.CreateOptions{})
			evicted := pods.EvictV1(ctx, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: made.Name}})
			_, gone := pods.Get(ctx, made.Name, metav1.GetOptions{})
			return map[string]any{
				"made": made, "running": running, "immutable": told(immutable), "empty": told(empty),
				"evicted": told(evicted), "gone": told(gone),
			}, nil
		}),
		with("leases", func(ctx context.Context, s *scene, client kubernetes.Interface) (any, error) {
			leases := client.CoordinationV1().Leases(s.namespace)
			now := metav1.NewMicroTime(time.Now().Truncate(time.Second).Add(123456 * time.Microsecond))
			made, err := leases.Create(ctx, &coordinationv1.Lease{ObjectMeta: named("lease"), Spec: coordinationv1.LeaseSpec{
				HolderIdentity: ptr("me"), LeaseDurationSeconds: ptr[int32](15), RenewTime: &now, LeaseTransitions: ptr[int32](0),
			}}, metav1.CreateOptions{})
			if err != nil {
				return nil, err
			}
			unversioned := made.DeepCopy()
			unversioned.ResourceVersion = ""
			_, refused := leases.Update(ctx, unversioned, metav1.UpdateOptions{})
			return map[string]any{"made": made, "same": made.Spec.RenewTime.Equal(&now), "refused": told(refused)}, nil
		}),
		with("events", func(ctx context.Context, s *scene, client kubernetes.Interface) (any, error) {
			events := client.CoreV1().Events(s.namespace)
			at := metav1.NewTime(time.Now())
			_, err := events.Create(ctx, &corev1.Event{
				ObjectMeta: named("event"), Reason: "Tested", Message: "an event", Type: "Normal", Count: 2,
				InvolvedObject: corev1.ObjectReference{Kind: "Pod", Name: "p", Namespace: s.namespace, APIVersion: "v1"},
				Source:         corev1.EventSource{Component: "clients"}, FirstTimestamp: at, LastTimestamp: at,
			}, metav1.CreateOptions{})
			if err != nil {
				return nil, err
			}
			found, err := events.List(ctx, metav1.ListOptions{LabelSelector: "of=" + title, FieldSelector: "involvedObject.name=p,reason=Tested"})
			return found, err
		}),
		with("services", func(ctx context.Context, s *scene, client kubernetes.Interface) (any, error) {
			services := client.CoreV1().Services(s.namespace)
			made, err := services.Create(ctx, &corev1.Service{ObjectMeta: named("service"), Spec: corev1.ServiceSpec{
				ClusterIP: "None", Selector: map[string]string{"a": "b"},
				Ports: []corev1.ServicePort{{Name: "pg", Port: 5432, TargetPort: intstr.FromInt32(15432)}},
			}}, metav1.CreateOptions{})
			return made, err
		}),
		with("roles", func(ctx context.Context, s *scene, client kubernetes.Interface) (any, error) {
			made, err := client.RbacV1().Roles(s.namespace).Create(ctx, &rbacv1.Role{ObjectMeta: named("role"), Rules: []rbacv1.PolicyRule{
				{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}},
			}}, metav1.CreateOptions{})
			return made, err
		}),
		with("deployments", func(ctx context.Context, s *scene, client kubernetes.Interface) (any, error) {
			deployments := client.AppsV1().Deployments(s.namespace)
			labels := map[string]string{"app": title}
			made, err := deployments.Create(ctx, &appsv1.Deployment{ObjectMeta: named("deployment"), Spec: appsv1.DeploymentSpec{
				Replicas: ptr[int32](0), Selector: &metav1.LabelSelector{MatchLabels: labels},
				Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: podSpec},
			}}, metav1.CreateOptions{})
			if err != nil {
				return nil, err
			}
			scale, err := deployments.GetScale(ctx, made.Name, metav1.GetOptions{})
			if err != nil {
				return nil, err
			}
			scale.Spec.Replicas = 3
			scaled, err := deployments.UpdateScale(ctx, made.Name, scale, metav1.UpdateOptions{})
			if err != nil {
				return nil, err
			}
			after, err := deployments.Get(ctx, made.Name, metav1.GetOptions{})
			if err != nil {
				return nil, err
			}
			err = deployments.Delete(ctx, made.Name, metav1.DeleteOptions{PropagationPolicy: ptr(metav1.DeletePropagationBackground)})
			return map[string]any{"made": made, "scaled": scaled, "after": after}, err
		}),
		with("jobs and budgets", func(ctx context.Context, s *scene, client kubernetes.Interface) (any, error) {
			job, err := client.BatchV1().Jobs(s.namespace).Create(ctx, &batchv1.Job{ObjectMeta: named("job"), Spec: batchv1.JobSpec{
				BackoffLimit: ptr[int32](0),
				Template:     corev1.PodTemplateSpec{Spec: corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "main", Image: "host", Command: []string{"true"}}}}},
			}}, metav1.CreateOptions{})
			if err != nil {
				return nil, err
			}
			budget, err := client.PolicyV1().PodDisruptionBudgets(s.namespace).Create(ctx, &policyv1.PodDisruptionBudget{
				ObjectMeta: named("budget"),
				Spec: policyv1.PodDisruptionBudgetSpec{
					MinAvailable: ptr(intstr.FromString("50%")), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}},
				},
			}, metav1.CreateOptions{})
			return map[string]any{"job": job, "budget": budget}, err
		}),
		with("watches", func(ctx context.Context, s *scene, client kubernetes.Interface) (any, error) {
			maps := client.CoreV1().ConfigMaps(s.namespace)
			watch, err := maps.Watch(ctx, metav1.ListOptions{LabelSelector: "watched=" + title})
			if err != nil {
				return nil, err
			}
			defer watch.Stop()
			object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: title + "-watched", Labels: map[string]string{"watched": title}}}
			object, err = maps.Create(ctx, object, metav1.CreateOptions{})
			if err != nil {
				return nil, err
			}
			object.Data = map[string]string{"a": "b"}
			if _, err = maps.Update(ctx, object, metav1.UpdateOptions{}); err != nil {
				return nil, err
			}
			if err = maps.Delete(ctx, object.Name, metav1.DeleteOptions{}); err != nil {
				return nil, err
			}
			seen := []any{}
			for event := range watch.ResultChan() {
				seen = append(seen, map[string]any{"type": event.Type, "object": event.Object})
				if event.Type == "DELETED" {
					return seen, nil
				}
			}
			return seen, fmt.Errorf("the watch ended")
		}),
	}
}
