package main

import (
	"context"
	"fmt"
	"sort"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/scale"
)

// What both servers serve; a real one has more, as any two versions of it.
var compared = map[string][]string{
	"v1": {"configmaps", "events", "namespaces", "namespaces/finalize", "namespaces/status", "nodes", "nodes/status",
		"persistentvolumeclaims", "persistentvolumeclaims/status", "persistentvolumes", "pods", "pods/binding", "pods/eviction",
		"pods/exec", "pods/log", "pods/portforward", "pods/status", "secrets", "serviceaccounts", "services", "services/status"},
	"apps/v1":                         {"deployments", "deployments/scale", "deployments/status", "statefulsets", "replicasets", "daemonsets"},
	"batch/v1":                        {"jobs", "jobs/status", "cronjobs"},
	"policy/v1":                       {"poddisruptionbudgets", "poddisruptionbudgets/status"},
	"coordination.k8s.io/v1":          {"leases"},
	"discovery.k8s.io/v1":             {"endpointslices"},
	"events.k8s.io/v1":                {"events"},
	"storage.k8s.io/v1":               {"storageclasses"},
	"rbac.authorization.k8s.io/v1":    {"roles", "rolebindings", "clusterroles", "clusterrolebindings"},
	"apiextensions.k8s.io/v1":         {"customresourcedefinitions", "customresourcedefinitions/status"},
	"admissionregistration.k8s.io/v1": {"validatingadmissionpolicies", "validatingadmissionpolicybindings"},
	"authorization.k8s.io/v1":         {"selfsubjectaccessreviews", "selfsubjectrulesreviews"},
	"authentication.k8s.io/v1":        {"selfsubjectreviews"},
	"mpd.polardb.aliyun.com/v1":       {"mpdclusters", "mpdclusters/status"},
}

func discover(legacy bool) func(context.Context, *scene) (any, error) {
	return func(_ context.Context, s *scene) (any, error) {
		client, err := discovery.NewDiscoveryClientForConfig(s.config)
		if err != nil {
			return nil, err
		}
		client.UseLegacyDiscovery = legacy
		groups, lists, err := client.ServerGroupsAndResources()
		if err != nil {
			return nil, err
		}
		preferred := map[string]string{}
		for _, group := range groups {
			if _, ok := compared[group.PreferredVersion.GroupVersion]; ok {
				preferred[group.Name] = group.PreferredVersion.GroupVersion
			}
		}
		seen := map[string]any{}
		for _, list := range lists {
			for _, resource := range list.APIResources {
				for _, wanted := range compared[list.GroupVersion] {
					if wanted != resource.Name {
						continue
					}
					seen[list.GroupVersion+" "+resource.Name] = resource
				}
			}
		}
		return map[string]any{"preferred": preferred, "resources": seen}, nil
	}
}

var discoverySteps = []step{
	{"a definition to find", func(ctx context.Context, s *scene) (any, error) {
		_, err := installDefinition(ctx, s)
		if err != nil {
			return nil, err
		}
		client, err := discovery.NewDiscoveryClientForConfig(s.config)
		if err != nil {
			return nil, err
		}
		return nil, eventually(ctx, "the custom resource in discovery", func() (bool, error) {
			_, lists, err := client.ServerGroupsAndResources()
			for _, list := range lists {
				if list.GroupVersion == "mpd.polardb.aliyun.com/v1" && len(list.APIResources) > 0 {
					return true, nil
				}
			}
			return false, err
		})
	}},
	{"aggregated", discover(false)},
	{"one group at a time", discover(true)},
	{"one group version", func(_ context.Context, s *scene) (any, error) {
		list, err := s.client.Discovery().ServerResourcesForGroupVersion("coordination.k8s.io/v1")
		if err != nil {
			return nil, err
		}
		_, absent := s.client.Discovery().ServerResourcesForGroupVersion("nothing.example/v1")
		leases := []metav1.APIResource{}
		for _, one := range list.APIResources {
			if one.Name == "leases" {
				leases = append(leases, one)
			}
		}
		return map[string]any{"group": list.GroupVersion, "leases": leases, "absent": told(absent)}, nil
	}},
	{"kinds by name", func(_ context.Context, s *scene) (any, error) {
		cached := memory.NewMemCacheClient(s.client.Discovery())
		mapper := restmapper.NewShortcutExpander(restmapper.NewDeferredDiscoveryRESTMapper(cached), cached, nil)
		seen := map[string]any{}
		for _, name := range []string{"cm", "po", "deploy", "mpd", "mpdcluster", "leases", "nothing"} {
			kind, err := mapper.KindFor(schema.GroupVersionResource{Resource: name})
			if err != nil {
				seen[name] = err.Error()
				continue
			}
			mapping, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
			if err != nil {
				return nil, err
			}
			seen[name] = fmt.Sprintf("%s %s %s", kind, mapping.Resource, mapping.Scope.Name())
		}
		return seen, nil
	}},
	{"scale by discovery", func(ctx context.Context, s *scene) (any, error) {
		client, err := dynamic.NewForConfig(s.config)
		if err != nil {
			return nil, err
		}
		resource := schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
		object := deployment("scaled")
		if _, err := client.Resource(resource).Namespace(s.namespace).Create(ctx, object, metav1.CreateOptions{}); err != nil {
			return nil, err
		}
		cached := memory.NewMemCacheClient(s.client.Discovery())
		mapper := restmapper.NewDeferredDiscoveryRESTMapper(cached)
		kinds := scale.NewDiscoveryScaleKindResolver(cached)
		scales, err := scale.NewForConfig(s.config, mapper, dynamic.LegacyAPIPathResolverFunc, kinds)
		if err != nil {
			return nil, err
		}
		one, err := scales.Scales(s.namespace).Get(ctx, resource.GroupResource(), "scaled", metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		one.Spec.Replicas = 2
		return scales.Scales(s.namespace).Update(ctx, resource.GroupResource(), one, metav1.UpdateOptions{})
	}},
	{"schemas", func(_ context.Context, s *scene) (any, error) {
		paths, err := s.client.Discovery().OpenAPIV3().Paths()
		if err != nil {
			return nil, err
		}
		seen := []string{}
		for path := range paths {
			for group := range compared {
				// Reviews have no schema here: nobody keeps them.
				if strings.HasPrefix(group, "auth") {
					continue
				}
				if path == "apis/"+group || path == "api/"+group {
					seen = append(seen, path)
				}
			}
		}
		sort.Strings(seen)
		text, err := paths["apis/mpd.polardb.aliyun.com/v1"].Schema("application/json")
		return map[string]any{"paths": seen, "text": len(text) > 1000}, err
	}},
}
