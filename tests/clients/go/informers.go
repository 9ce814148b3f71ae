package main

import (
	"context"
	"fmt"
	"net/http"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// Counts lists and watches for config maps, and makes a watch ask for a version that is long gone where it is told to.
type meddler struct {
	inner          http.RoundTripper
	lists, watches counter
	stale          atomic.Bool
	refused        counter
}

func (m *meddler) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method != http.MethodGet || !strings.HasSuffix(request.URL.Path, "/configmaps") {
		return m.inner.RoundTrip(request)
	}
	query := request.URL.Query()
	if query.Get("watch") == "" {
		m.lists.add()
		return m.inner.RoundTrip(request)
	}
	m.watches.add()
	if m.stale.Load() {
		request = request.Clone(request.Context())
		query.Set("resourceVersion", "1")
		query.Del("sendInitialEvents")
		query.Del("resourceVersionMatch")
		request.URL.RawQuery = query.Encode()
		answer, err := m.inner.RoundTrip(request)
		// A server that is away has not heard it.
		if err == nil {
			m.stale.Store(false)
			m.refused.add()
		}
		return answer, err
	}
	return m.inner.RoundTrip(request)
}

// A client whose requests go through a meddler.
func (s *scene) meddled() (*meddler, kubernetes.Interface, error) {
	m := &meddler{}
	config := rest.CopyConfig(s.config)
	config.Wrap(func(inner http.RoundTripper) http.RoundTripper {
		m.inner = inner
		return m
	})
	client, err := kubernetes.NewForConfig(config)
	return m, client, err
}

// What handlers were told, by the name of the object.
type heardLog struct {
	lock sync.Mutex
	by   map[string][]string
}

func (t *heardLog) add(what string, object any) {
	if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = gone.Obj
	}
	t.lock.Lock()
	defer t.lock.Unlock()
	name := object.(metav1.Object).GetName()
	t.by[name] = append(t.by[name], what)
}

func (t *heardLog) of(name string) string {
	t.lock.Lock()
	defer t.lock.Unlock()
	return strings.Join(t.by[name], " ")
}

func (t *heardLog) handler() cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(object any) { t.add("added", object) },
		UpdateFunc: func(before, after any) {
			if before.(metav1.Object).GetResourceVersion() == after.(metav1.Object).GetResourceVersion() {
				t.add("resynced", after)
			} else {
				t.add("updated", after)
			}
		},
		DeleteFunc: func(object any) { t.add("deleted", object) },
	}
}

func startInformer(ctx context.Context, s *scene, client kubernetes.Interface, resync time.Duration) (cache.SharedIndexInformer, *heardLog, error) {
	factory := informers.NewSharedInformerFactoryWithOptions(client, resync, informers.WithNamespace(s.namespace))
	informer := factory.Core().V1().ConfigMaps().Informer()
	heard := &heardLog{by: map[string][]string{}}
	registered, err := informer.AddEventHandler(heard.handler())
	if err != nil {
		return nil, nil, err
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced, registered.HasSynced) {
		return nil, nil, fmt.Errorf("the cache never held what the server has")
	}
	return informer, heard, nil
}

var informerSteps = []step{
	{"a shared informer", func(ctx context.Context, s *scene) (any, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		maps := s.client.CoreV1().ConfigMaps(s.namespace)
		for i := range 3 {
			if _, err := maps.Create(ctx, configMap(fmt.Sprintf("before-%d", i)), metav1.CreateOptions{}); err != nil {
				return nil, err
			}
		}
		m, client, err := s.meddled()
		if err != nil {
			return nil, err
		}
		informer, heard, err := startInformer(ctx, s, client, 0)
		if err != nil {
			return nil, err
		}
		made, err := maps.Create(ctx, configMap("during"), metav1.CreateOptions{})
		if err != nil {
			return nil, err
		}
		made.Data["a"] = "c"
		if _, err := maps.Update(ctx, made, metav1.UpdateOptions{}); err != nil {
			return nil, err
		}
		if err := maps.Delete(ctx, "before-1", metav1.DeleteOptions{}); err != nil {
			return nil, err
		}
		err = eventually(ctx, "what happened", func() (bool, error) {
			return heard.of("during") == "added updated" && heard.of("before-1") == "added deleted", nil
		})
		keys := informer.GetStore().ListKeys()
		sort.Strings(keys)
		return map[string]any{
			"during": heard.of("during"), "deleted": heard.of("before-1"), "untouched": heard.of("before-0"), "held": keys,
			"watches": m.watches.Load(),
		}, err
	}},
	{"resync", func(ctx context.Context, s *scene) (any, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		_, heard, err := startInformer(ctx, s, s.client, time.Second)
		if err != nil {
			return nil, err
		}
		return nil, eventually(ctx, "a resync", func() (bool, error) {
			return strings.HasPrefix(heard.of("before-0"), "added resynced"), nil
		})
	}},
	{"an informer of custom resources", func(ctx context.Context, s *scene) (any, error) {
		if _, err := installDefinition(ctx, s); err != nil {
			return nil, err
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		client, err := dynamic.NewForConfig(s.config)
		if err != nil {
			return nil, err
		}
		factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(client, 0, s.namespace, nil)
		informer := factory.ForResource(clusters).Informer()
		heard := &heardLog{by: map[string][]string{}}
		if _, err := informer.AddEventHandler(heard.handler()); err != nil {
			return nil, err
		}
		factory.Start(ctx.Done())
		if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
			return nil, fmt.Errorf("the cache never held what the server has")
		}
		resource := client.Resource(clusters).Namespace(s.namespace)
		made, err := resource.Create(ctx, cluster("informed"), metav1.CreateOptions{})
		if err != nil {
			return nil, err
		}
		made.SetFinalizers([]string{"clients.example/hold"})
		made, err = resource.Update(ctx, made, metav1.UpdateOptions{})
		if err != nil {
			return nil, err
		}
		if err := resource.Delete(ctx, "informed", metav1.DeleteOptions{}); err != nil {
			return nil, err
		}
		// Held by its finalizer: it is marked, not gone.
		held, err := resource.Get(ctx, "informed", metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		held.SetFinalizers(nil)
		if _, err := resource.Update(ctx, held, metav1.UpdateOptions{}); err != nil {
			return nil, err
		}
		err = eventually(ctx, "the end", func() (bool, error) { return strings.HasSuffix(heard.of("informed"), "deleted"), nil })
		return map[string]any{"heard": heard.of("informed"), "marked": held.GetDeletionTimestamp() != nil, "generation": held.GetGeneration()}, err
	}},
}

var restartSteps = []step{
	{"a version that is gone: 410 and a new list", func(ctx context.Context, s *scene) (any, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		maps := s.client.CoreV1().ConfigMaps(s.namespace)
		survivor, err := maps.Create(ctx, configMap("survivor"), metav1.CreateOptions{})
		if err != nil {
			return nil, err
		}
		for i := range 100 {
			// Far enough from the first version that a server may have forgotten it.
			survivor.Data["a"] = fmt.Sprint(i)
			if survivor, err = maps.Update(ctx, survivor, metav1.UpdateOptions{}); err != nil {
				return nil, err
			}
		}
		m, client, err := s.meddled()
		if err != nil {
			return nil, err
		}
		informer, heard, err := startInformer(ctx, s, client, 0)
		if err != nil {
			return nil, err
		}
		lists := m.lists.Load()
		m.stale.Store(true)
		if err := s.ask("restart"); err != nil {
			return nil, err
		}
		err = eventually(ctx, "a server that is back", func() (bool, error) {
			_, err := maps.Create(ctx, configMap("after"), metav1.CreateOptions{})
			return err == nil, err
		})
		if err != nil {
			return nil, err
		}
		err = eventually(ctx, "a watch from a version that is gone, and what came after", func() (bool, error) {
			return m.refused.Load() == 1 && heard.of("after") == "added", nil
		})
		_, present, _ := informer.GetStore().GetByKey(s.namespace + "/survivor")
		return map[string]any{"after": heard.of("after"), "survivor": strings.Fields(heard.of("survivor"))[0], "held": present, "listed again": m.lists.Load() > lists}, err
	}},
	{"a watch from a version that is gone", func(ctx context.Context, s *scene) (any, error) {
		watch, err := s.client.CoreV1().ConfigMaps(s.namespace).Watch(ctx, metav1.ListOptions{ResourceVersion: "1"})
		if err != nil {
			return told(err), nil
		}
		defer watch.Stop()
		event := <-watch.ResultChan()
		status, _ := event.Object.(*metav1.Status)
		if status == nil {
			return nil, fmt.Errorf("an event of type %s: %v", event.Type, event.Object)
		}
		return map[string]any{"code": status.Code, "reason": status.Reason}, nil
	}},
}
