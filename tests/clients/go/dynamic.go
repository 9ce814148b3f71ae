package main

import (
	"context"
	"os"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"sigs.k8s.io/yaml"
)

var clusters = schema.GroupVersionResource{Group: "mpd.polardb.aliyun.com", Version: "v1", Resource: "mpdclusters"}

func cluster(name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "mpd.polardb.aliyun.com/v1",
		"kind":       "MPDCluster",
		"metadata":   map[string]any{"name": name},
		"spec":       map[string]any{"dbClusterType": "local", "followerNum": int64(1), "classInfo": map[string]any{"className": "local.small"}},
	}}
}

// Installs the definition with a client that speaks protobuf, and waits until its resource is served.
func installDefinition(ctx context.Context, s *scene) (any, error) {
	config, _, err := s.speaking(protobuf)
	if err != nil {
		return nil, err
	}
	client, err := clientset.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(s.crdFile)
	if err != nil {
		return nil, err
	}
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &definition); err != nil {
		return nil, err
	}
	definitions := client.ApiextensionsV1().CustomResourceDefinitions()
	if _, err := definitions.Create(ctx, &definition, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return nil, err
	}
	var found *apiextensionsv1.CustomResourceDefinition
	err = eventually(ctx, "an established definition", func() (bool, error) {
		found, err = definitions.Get(ctx, definition.Name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		for _, condition := range found.Status.Conditions {
			if condition.Type == apiextensionsv1.Established && condition.Status == apiextensionsv1.ConditionTrue {
				return true, nil
			}
		}
		return false, nil
	})
	if err != nil {
		return nil, err
	}
	dynamicClient, err := dynamic.NewForConfig(s.config)
	if err != nil {
		return nil, err
	}
	// A real server serves the resource a moment after it said so.
	err = eventually(ctx, "its resource", func() (bool, error) {
		_, err := dynamicClient.Resource(clusters).Namespace(s.namespace).List(ctx, metav1.ListOptions{})
		return err == nil, err
	})
	return found, err
}

var dynamicSteps = []step{
	{"the definition of a custom resource", installDefinition},
	{"custom resources", func(ctx context.Context, s *scene) (any, error) {
		client, err := dynamic.NewForConfig(s.config)
		if err != nil {
			return nil, err
		}
		resource := client.Resource(clusters).Namespace(s.namespace)
		made, err := resource.Create(ctx, cluster("dynamic"), metav1.CreateOptions{})
		// A client that prefers CBOR learns by this answer that the server does not speak it, and goes on in JSON.
		refused := apierrors.IsUnsupportedMediaType(err)
		if refused {
			made, err = resource.Create(ctx, cluster("dynamic"), metav1.CreateOptions{})
		}
		if err != nil {
			return nil, err
		}
		wrong := cluster("wrong")
		wrong.Object["spec"].(map[string]any)["followerNum"] = "two"
		_, invalid := resource.Create(ctx, wrong, metav1.CreateOptions{})
		unknown := cluster("unknown")
		unknown.Object["spec"].(map[string]any)["nonsense"] = int64(1)
		_, strict := resource.Create(ctx, unknown, metav1.CreateOptions{FieldValidation: "Strict"})
		spec := made.DeepCopy()
		if err := unstructured.SetNestedField(spec.Object, int64(2), "spec", "followerNum"); err != nil {
			return nil, err
		}
		updated, err := resource.Update(ctx, spec, metav1.UpdateOptions{})
		if err != nil {
			return nil, err
		}
		if err := unstructured.SetNestedField(updated.Object, "Running", "status", "clusterStatus"); err != nil {
			return nil, err
		}
		reported, err := resource.UpdateStatus(ctx, updated, metav1.UpdateOptions{})
		if err != nil {
			return nil, err
		}
		_, strategic := resource.Patch(ctx, "dynamic", types.StrategicMergePatchType, []byte(`{}`), metav1.PatchOptions{})
		config := cluster("dynamic")
		if err := unstructured.SetNestedField(config.Object, int64(3), "spec", "followerNum"); err != nil {
			return nil, err
		}
		applied, err := resource.Apply(ctx, "dynamic", config, metav1.ApplyOptions{FieldManager: "dynamic", Force: true})
		// For this one a client that prefers CBOR has no other way, neither here nor there.
		refusedApply := apierrors.IsUnsupportedMediaType(err)
		if err != nil && !refusedApply {
			return nil, err
		}
		list, err := resource.List(ctx, metav1.ListOptions{Limit: 5})
		if err != nil {
			return nil, err
		}
		err = resource.Delete(ctx, "dynamic", metav1.DeleteOptions{})
		return map[string]any{
			"refused": []bool{refused, refusedApply}, "made": made, "invalid": told(invalid), "strict": told(strict), "reported": reported, "strategic": told(strategic),
			"applied": applied, "list": list,
		}, err
	}},
	{"metadata alone", func(ctx context.Context, s *scene) (any, error) {
		client, err := metadata.NewForConfig(s.config)
		if err != nil {
			return nil, err
		}
		resource := schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
		maps := client.Resource(resource).Namespace(s.namespace)
		if _, err := s.client.CoreV1().ConfigMaps(s.namespace).Create(ctx, configMap("metadata"), metav1.CreateOptions{}); err != nil {
			return nil, err
		}
		one, err := maps.Get(ctx, "metadata", metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		all, err := maps.List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=metadata"})
		if err != nil {
			return nil, err
		}
		for i := range all.Items {
			// In protobuf, which a real server answers here, items of lists never say their kind.
			all.Items[i].TypeMeta = metav1.TypeMeta{}
		}
		watch, err := maps.Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=metadata", ResourceVersion: all.ResourceVersion})
		if err != nil {
			return nil, err
		}
		defer watch.Stop()
		if err := maps.Delete(ctx, "metadata", metav1.DeleteOptions{}); err != nil {
			return nil, err
		}
		event := <-watch.ResultChan()
		return map[string]any{"one": one, "all": all, "type": event.Type, "object": event.Object}, nil
	}},
	{"a resource that is not served", func(ctx context.Context, s *scene) (any, error) {
		client, err := dynamic.NewForConfig(s.config)
		if err != nil {
			return nil, err
		}
		other := clusters
		other.Resource = "nothings"
		_, absent := client.Resource(other).Namespace(s.namespace).Get(ctx, "x", metav1.GetOptions{})
		other.Group = "nothing.example"
		_, unknown := client.Resource(other).List(ctx, metav1.ListOptions{})
		return map[string]any{"absent": told(absent), "unknown": told(unknown)}, nil
	}},
}
