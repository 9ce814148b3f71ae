package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/pager"
)

var pageSteps = []step{
	{"a list read page by page while it changes", func(ctx context.Context, s *scene) (any, error) {
		maps := s.client.CoreV1().ConfigMaps(s.namespace)
		for i := range 25 {
			object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("page-%02d", i), Labels: map[string]string{"paged": "yes"}}}
			if _, err := maps.Create(ctx, object, metav1.CreateOptions{}); err != nil {
				return nil, err
			}
		}
		asked := 0
		lists := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			asked++
			list, err := maps.List(ctx, options)
			if asked == 1 && err == nil {
				// The pages that follow show the moment of the first.
				if err := maps.Delete(ctx, "page-20", metav1.DeleteOptions{}); err != nil {
					return nil, err
				}
			}
			return list, err
		})
		lists.PageSize = 10
		seen := []string{}
		err := lists.EachListItem(ctx, metav1.ListOptions{LabelSelector: "paged=yes"}, func(object runtime.Object) error {
			one, err := meta.Accessor(object)
			seen = append(seen, one.GetName())
			return err
		})
		return map[string]any{"asked": asked, "seen": seen}, err
	}},
	{"an invalid continue token", func(ctx context.Context, s *scene) (any, error) {
		_, err := s.client.CoreV1().ConfigMaps(s.namespace).List(ctx, metav1.ListOptions{Limit: 1, Continue: "nonsense"})
		return told(err), nil
	}},
	{"deletion of a collection", func(ctx context.Context, s *scene) (any, error) {
		maps := s.client.CoreV1().ConfigMaps(s.namespace)
		if err := maps.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "paged=yes"}); err != nil {
			return nil, err
		}
		left, err := maps.List(ctx, metav1.ListOptions{LabelSelector: "paged=yes"})
		if err != nil {
			return nil, err
		}
		return len(left.Items), nil
	}},
}
