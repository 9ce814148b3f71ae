package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

const finalizer = "clients.example/reconciler"

var clusterKind = schema.GroupVersionKind{Group: "mpd.polardb.aliyun.com", Version: "v1", Kind: "MPDCluster"}

func newCluster() *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(clusterKind)
	return object
}

// An operator as people write them: a finalizer, an owned object, and a status.
type reconciler struct{ client.Client }

func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	object := newCluster()
	if err := r.Get(ctx, request.NamespacedName, object); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !object.GetDeletionTimestamp().IsZero() {
		if controllerutil.RemoveFinalizer(object, finalizer) {
			return ctrl.Result{}, r.Update(ctx, object)
		}
		return ctrl.Result{}, nil
	}
	if controllerutil.AddFinalizer(object, finalizer) {
		return ctrl.Result{}, r.Update(ctx, object)
	}
	owned := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: object.GetName() + "-owned", Namespace: object.GetNamespace()}}
	if _, err := controllerutil.CreateOrUpdate(ctx, r.Client, owned, func() error {
		owned.Data = map[string]string{"of": object.GetName()}
		return controllerutil.SetControllerReference(object, owned, r.Scheme())
	}); err != nil {
		return ctrl.Result{}, err
	}
	before := object.DeepCopy()
	if err := unstructured.SetNestedField(object.Object, "Running", "status", "clusterStatus"); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{}, r.Status().Patch(ctx, object, client.MergeFrom(before))
}

var managerSteps = []step{{"an operator on controller-runtime", func(ctx context.Context, s *scene) (any, error) {
	if _, err := installDefinition(ctx, s); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	manager, err := ctrl.NewManager(s.config, ctrl.Options{
		Metrics:                 server.Options{BindAddress: "0"},
		Cache:                   cache.Options{DefaultNamespaces: map[string]cache.Config{s.namespace: {}}},
		LeaderElection:          true,
		LeaderElectionID:        "manager",
		LeaderElectionNamespace: s.namespace,
	})
	if err != nil {
		return nil, err
	}
	err = ctrl.NewControllerManagedBy(manager).For(newCluster()).Owns(&corev1.ConfigMap{}).Complete(&reconciler{manager.GetClient()})
	if err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()
	direct, err := client.New(s.config, client.Options{Scheme: manager.GetScheme(), Mapper: manager.GetRESTMapper()})
	if err != nil {
		return nil, err
	}
	object := cluster("managed")
	object.SetNamespace(s.namespace)
	if err := direct.Create(ctx, object); err != nil {
		return nil, err
	}
	key := client.ObjectKeyFromObject(object)
	owned := &corev1.ConfigMap{}
	ownedKey := client.ObjectKey{Namespace: s.namespace, Name: "managed-owned"}
	err = eventually(ctx, "a status", func() (bool, error) {
		if err := direct.Get(ctx, key, object); err != nil {
			return false, err
		}
		status, _, _ := unstructured.NestedString(object.Object, "status", "clusterStatus")
		return status == "Running", nil
	})
	if err != nil {
		return nil, err
	}
	// The reconciler makes again what it owns.
	if err := direct.Get(ctx, ownedKey, owned); err != nil {
		return nil, err
	}
	first := owned.UID
	if err := direct.Delete(ctx, owned); err != nil {
		return nil, err
	}
	err = eventually(ctx, "the owned object again", func() (bool, error) {
		err := direct.Get(ctx, ownedKey, owned)
		return err == nil && owned.UID != first, client.IgnoreNotFound(err)
	})
	if err != nil {
		return nil, err
	}
	seen := map[string]any{"object": object.DeepCopy(), "owned": owned.DeepCopy()}
	if err := direct.Delete(ctx, object, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
		return nil, err
	}
	err = eventually(ctx, "the end of both", func() (bool, error) {
		err := direct.Get(ctx, key, object)
		if !apierrors.IsNotFound(err) {
			return false, err
		}
		err = direct.Get(ctx, ownedKey, owned)
		return apierrors.IsNotFound(err), err
	})
	if err != nil {
		return nil, err
	}
	cancel()
	if err := <-ended; err != nil {
		return nil, fmt.Errorf("the manager ended with: %w", err)
	}
	return seen, nil
}}}
