// Prints the table by which the embedded API reads protobuf bodies: for each message its fields with their numbers,
// taken from the types of the Go client. See packages/kube-server/src/http/protobuf.ts for the format.
package main

import (
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	eventsv1 "k8s.io/api/events/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

var roots = []any{
	metav1.DeleteOptions{},
	corev1.Namespace{}, corev1.Node{}, corev1.Pod{}, corev1.Service{}, corev1.ConfigMap{}, corev1.Secret{},
	corev1.ServiceAccount{}, corev1.Event{}, corev1.PersistentVolume{}, corev1.PersistentVolumeClaim{},
	corev1.ReplicationController{}, corev1.PodTemplate{}, corev1.Endpoints{}, corev1.LimitRange{},
	corev1.ResourceQuota{}, corev1.Binding{},
	appsv1.Deployment{}, appsv1.ReplicaSet{}, appsv1.StatefulSet{}, appsv1.DaemonSet{}, appsv1.ControllerRevision{},
	batchv1.Job{}, batchv1.CronJob{},
	policyv1.PodDisruptionBudget{}, policyv1.Eviction{},
	autoscalingv1.Scale{},
	eventsv1.Event{}, discoveryv1.EndpointSlice{}, coordinationv1.Lease{}, storagev1.StorageClass{},
	rbacv1.Role{}, rbacv1.RoleBinding{}, rbacv1.ClusterRole{}, rbacv1.ClusterRoleBinding{},
	apiextensionsv1.CustomResourceDefinition{},
	admissionregistrationv1.ValidatingAdmissionPolicy{}, admissionregistrationv1.ValidatingAdmissionPolicyBinding{},
	authorizationv1.SelfSubjectAccessReview{}, authorizationv1.SelfSubjectRulesReview{},
	authorizationv1.SubjectAccessReview{}, authorizationv1.LocalSubjectAccessReview{},
	authenticationv1.SelfSubjectReview{}, authenticationv1.TokenReview{}, authenticationv1.TokenRequest{},
}

// Types whose JSON form is not that of their fields.
var special = map[reflect.Type]string{
	reflect.TypeOf(metav1.Time{}):                                  "time",
	reflect.TypeOf(metav1.MicroTime{}):                             "microTime",
	reflect.TypeOf(resource.Quantity{}):                            "quantity",
	reflect.TypeOf(intstr.IntOrString{}):                           "intOrString",
	reflect.TypeOf(runtime.RawExtension{}):                         "json",
	reflect.TypeOf(metav1.FieldsV1{}):                              "json",
	reflect.TypeOf(apiextensionsv1.JSON{}):                         "json",
	reflect.TypeOf(apiextensionsv1.JSONSchemaPropsOrArray{}):       "schemaOrArray",
	reflect.TypeOf(apiextensionsv1.JSONSchemaPropsOrBool{}):        "schemaOrBool",
	reflect.TypeOf(apiextensionsv1.JSONSchemaPropsOrStringArray{}): "schemaOrStrings",
}

var lines = map[string]string{}

func main() {
	for _, root := range roots {
		message(reflect.TypeOf(root))
	}
	names := make([]string, 0, len(lines))
	for name := range lines {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Printf("%s %s\n", name, lines[name])
	}
}

// k8s.io/api/core/v1.Pod is core.Pod.
func nameOf(t reflect.Type) string {
	parts := strings.Split(t.PkgPath(), "/")
	return parts[len(parts)-2] + "." + t.Name()
}

func message(t reflect.Type) string {
	name := nameOf(t)
	if _, known := lines[name]; known {
		return name
	}
	lines[name] = ""
	var fields []string
	for i := 0; i < t.NumField(); i++ {
		field := t.Field(i)
		protobuf := field.Tag.Get("protobuf")
		if protobuf == "" {
			continue
		}
		number := strings.Split(protobuf, ",")[1]
		json := strings.Split(field.Tag.Get("json"), ",")
		kept := ""
		if field.Type.Kind() == reflect.Pointer || !contains(json[1:], "omitempty") {
			kept = "!"
		}
		if json[0] == "-" {
			continue
		}
		fields = append(fields, fmt.Sprintf("%s%s:%s%s", number, json[0], typeOf(field.Type), kept))
	}
	lines[name] = strings.Join(fields, " ")
	return name
}

func contains(list []string, wanted string) bool {
	for _, one := range list {
		if one == wanted {
			return true
		}
	}
	return false
}

func typeOf(t reflect.Type) string {
	if name, ok := special[t]; ok {
		if strings.HasPrefix(name, "schema") {
			message(reflect.TypeOf(apiextensionsv1.JSONSchemaProps{}))
		}
		return name
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeOf(t.Elem())
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "bool"
	case reflect.Int32, reflect.Int64, reflect.Uint32, reflect.Uint64, reflect.Uint8:
		return "int"
	case reflect.Float64:
		return "double"
	case reflect.Struct:
		return message(t)
	case reflect.Map:
		return "map<" + typeOf(t.Elem()) + ">"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "bytes"
		}
		// A message of its own on the wire; its items are field 1.
		if t.Name() == "ExtraValue" {
			return "items"
		}
		return "list<" + typeOf(t.Elem()) + ">"
	}
	fmt.Fprintf(os.Stderr, "no form for %s\n", t)
	os.Exit(1)
	return ""
}
