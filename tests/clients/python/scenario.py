"""One scenario of the Python client against one API server: a line of JSON for each step: what it saw, whole, so that
the lines of two servers can be compared.

Usage: scenario.py <kubeconfig> <namespace> <CRD file> <part>...

A line {"wait": "restart"} asks for a restart of the server; the program goes on when a line arrives on its input.
"""

import base64
import json
import sys
import tempfile
import threading
import time
import traceback

import yaml
from kubernetes import client, config, dynamic, utils, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic.exceptions import ConflictError, DynamicApiError, NotFoundError
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.configmaplock import ConfigMapLock
from kubernetes.stream import stream

KUBECONFIG, NAMESPACE, CRD_FILE = sys.argv[1:4]
GROUP, VERSION, PLURAL = "mpd.polardb.aliyun.com", "v1", "mpdclusters"
PATIENCE = 60


def plain(thing):
    """An object of the client as it would be sent."""
    if isinstance(thing, dynamic.resource.ResourceInstance):
        return thing.to_dict()
    return client.ApiClient().sanitize_for_serialization(thing)


def told(call):
    """What a client is told when it is refused."""
    try:
        call()
    except (ApiException, DynamicApiError) as error:
        return {"status": error.status, "body": json.loads(error.body)}
    return None


def eventually(what, holds):
    end = time.monotonic() + PATIENCE
    while True:
        seen = holds()
        if seen:
            return seen
        if time.monotonic() > end:
            raise AssertionError(f"not seen in time: {what}")
        time.sleep(0.05)


def say(line):
    print(json.dumps(line), flush=True)


def config_map(name, **data):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels={"of": "python"}), data=data or None)


def cluster(name):
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "MPDCluster",
        "metadata": {"name": name},
        "spec": {"dbClusterType": "local", "followerNum": 1, "classInfo": {"className": "local.small"}},
    }


# typed


def config_maps():
    core = client.CoreV1Api()
    made = core.create_namespaced_config_map(NAMESPACE, config_map("typed", a="b"))
    twice = told(lambda: core.create_namespaced_config_map(NAMESPACE, config_map("typed")))
    made.data["a"] = "c"
    updated = core.replace_namespaced_config_map("typed", NAMESPACE, made)
    conflict = told(lambda: core.replace_namespaced_config_map("typed", NAMESPACE, made))
    patched = core.patch_namespaced_config_map("typed", NAMESPACE, {"data": {"d": "e", "a": None}}, field_manager="patcher")
    json_patch = [{"op": "add", "path": "/data/f", "value": "g"}]
    patched_json = core.patch_namespaced_config_map("typed", NAMESPACE, json_patch)
    dry = core.create_namespaced_config_map(NAMESPACE, config_map("dry"), dry_run="All")
    absent = told(lambda: core.read_namespaced_config_map("dry", NAMESPACE))
    status = core.delete_namespaced_config_map("typed", NAMESPACE, propagation_policy="Background")
    return {
        "updated": plain(updated), "twice": twice, "conflict": conflict, "patched": plain(patched),
        "json": plain(patched_json), "dry": plain(dry), "absent": absent, "deleted": plain(status),
    }


def pods():
    core = client.CoreV1Api()
    spec = client.V1PodSpec(
        containers=[client.V1Container(
            name="main", image="host", command=["sleep", "1"],
            resources=client.V1ResourceRequirements(requests={"cpu": "250m"}, limits={"memory": "64Mi"}),
            env=[client.V1EnvVar(name="A", value="b")],
        )],
        termination_grace_period_seconds=0,
    )
    made = core.create_namespaced_pod(NAMESPACE, client.V1Pod(metadata=client.V1ObjectMeta(name="typed"), spec=spec))
    core.patch_namespaced_pod_status("typed", NAMESPACE, {"status": {"phase": "Running", "podIP": "10.0.0.1"}})
    running = core.read_namespaced_pod_status("typed", NAMESPACE)
    found = core.list_namespaced_pod(NAMESPACE, field_selector="status.phase=Running")
    empty = told(lambda: core.create_namespaced_pod(NAMESPACE, {"metadata": {"name": "empty"}, "spec": {"containers": []}}))
    core.delete_namespaced_pod("typed", NAMESPACE)
    names = [pod.metadata.name for pod in found.items]
    return {"made": plain(made), "running": plain(running), "found": names, "empty": empty}


def secrets_and_leases():
    core, coordination = client.CoreV1Api(), client.CoordinationV1Api()
    secret = client.V1Secret(metadata=client.V1ObjectMeta(name="typed"), string_data={"a": "x"})
    made = core.create_namespaced_secret(NAMESPACE, secret)
    value = base64.b64decode(made.data["a"]).decode()
    lease = client.V1Lease(
        metadata=client.V1ObjectMeta(name="typed"),
        spec=client.V1LeaseSpec(holder_identity="me", lease_duration_seconds=15, renew_time="2026-01-02T03:04:05.678900Z"),
    )
    held = coordination.create_namespaced_lease(NAMESPACE, lease)
    renewed = held.spec.renew_time.isoformat()
    return {"secret": plain(made), "value": value, "held": plain(held), "renewed": [renewed[:10], held.spec.renew_time.microsecond]}


def workloads():
    apps = client.AppsV1Api()
    labels = {"app": "typed"}
    container = client.V1Container(name="main", image="host")
    template = client.V1PodTemplateSpec(metadata=client.V1ObjectMeta(labels=labels), spec=client.V1PodSpec(containers=[container]))
    spec = client.V1DeploymentSpec(replicas=0, selector=client.V1LabelSelector(match_labels=labels), template=template)
    made = apps.create_namespaced_deployment(NAMESPACE, client.V1Deployment(metadata=client.V1ObjectMeta(name="typed"), spec=spec))
    scaled = apps.patch_namespaced_deployment_scale("typed", NAMESPACE, {"spec": {"replicas": 2}})
    apps.delete_namespaced_deployment("typed", NAMESPACE)
    return {"made": plain(made), "scaled": plain(scaled)}


def pages():
    core = client.CoreV1Api()
    for number in range(7):
        core.create_namespaced_config_map(NAMESPACE, config_map(f"page-{number}"))
    seen, token, asked = [], None, 0
    while True:
        page = core.list_namespaced_config_map(NAMESPACE, label_selector="of=python", limit=3, _continue=token)
        asked += 1
        seen += [item.metadata.name for item in page.items if item.metadata.name.startswith("page-")]
        token = page.metadata._continue
        if not token:
            break
    core.delete_collection_namespaced_config_map(NAMESPACE, label_selector="of=python")
    left = core.list_namespaced_config_map(NAMESPACE, label_selector="of=python")
    return {"seen": seen, "asked": asked, "left": len(left.items)}


def reviews():
    review = client.V1SelfSubjectAccessReview(spec=client.V1SelfSubjectAccessReviewSpec(
        resource_attributes=client.V1ResourceAttributes(namespace=NAMESPACE, verb="delete", resource="pods")))
    answer = client.AuthorizationV1Api().create_self_subject_access_review(review)
    who = client.AuthenticationV1Api().create_self_subject_review(client.V1SelfSubjectReview())
    return {"allowed": answer.status.allowed, "user": who.status.user_info.username, "groups": sorted(who.status.user_info.groups)}


# watches


def watched():
    core = client.CoreV1Api()
    version = core.list_namespaced_config_map(NAMESPACE).metadata.resource_version
    made = core.create_namespaced_config_map(NAMESPACE, config_map("watched", a="b"))
    core.patch_namespaced_config_map("watched", NAMESPACE, {"data": {"a": "c"}})
    first = watch.Watch()
    seen = []
    for event in first.stream(core.list_namespaced_config_map, NAMESPACE, resource_version=version, timeout_seconds=30):
        seen.append([event["type"], event["object"].metadata.name, event["object"].data])
        if len(seen) == 2:
            first.stop()
    resumed = watch.Watch()
    core.delete_namespaced_config_map("watched", NAMESPACE)
    after = first.resource_version
    for event in resumed.stream(core.list_namespaced_config_map, NAMESPACE, resource_version=after, timeout_seconds=30):
        seen.append([event["type"], event["object"].metadata.name, event["raw_object"]["data"]])
        resumed.stop()
    return {"seen": seen, "uid": bool(made.metadata.uid)}


def ends_in_time():
    core = client.CoreV1Api()
    began = time.monotonic()
    seen = list(watch.Watch().stream(core.list_namespaced_secret, NAMESPACE, timeout_seconds=1, label_selector="no=such"))
    return {"seen": seen, "waited": time.monotonic() - began >= 0.9}


def goes_on_after_restart():
    """The client asks again when a watch ends, and lists again when its version is gone."""
    core = client.CoreV1Api()
    seen = []
    watching = watch.Watch()
    began = threading.Event()

    def follow():
        # Refused connections are for the caller to bear, as the client says.
        while "after" not in seen:
            try:
                for event in watching.stream(core.list_namespaced_config_map, NAMESPACE, label_selector="of=restart"):
                    seen.append(event["object"].metadata.name)
                    began.set()
                    if event["object"].metadata.name == "after":
                        watching.stop()
                        return
            except ApiException as error:
                if error.status != 410:
                    raise
                watching.resource_version = None
            except Exception:
                time.sleep(0.1)

    def make(name):
        body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels={"of": "restart"}))
        return core.create_namespaced_config_map(NAMESPACE, body)

    make("before")
    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    assert began.wait(PATIENCE)
    say({"wait": "restart"})
    sys.stdin.readline()

    def back():
        try:
            return bool(make("after"))
        except Exception:
            return False

    eventually("a server that is back", back)
    follower.join(PATIENCE)
    return sorted(set(seen))


# custom resources and the dynamic client


def definition():
    extensions = client.ApiextensionsV1Api()
    with open(CRD_FILE, encoding="utf8") as file:
        body = yaml.safe_load(file)
    try:
        extensions.create_custom_resource_definition(body)
    except ApiException as error:
        if error.status != 409:
            raise
    name = body["metadata"]["name"]

    def established():
        found = extensions.read_custom_resource_definition(name)
        return any(c.type == "Established" and c.status == "True" for c in found.status.conditions or [])

    eventually("an established definition", established)

    def served():
        try:
            client.CustomObjectsApi().list_namespaced_custom_object(GROUP, VERSION, NAMESPACE, PLURAL)
            return True
        except ApiException:
            return False

    eventually("its resource", served)
    return plain(extensions.read_custom_resource_definition(name))


def custom_objects():
    api = client.CustomObjectsApi()
    where = (GROUP, VERSION, NAMESPACE, PLURAL)
    made = api.create_namespaced_custom_object(*where, cluster("custom"))
    wrong = cluster("wrong")
    wrong["spec"]["followerNum"] = -1
    invalid = told(lambda: api.create_namespaced_custom_object(*where, wrong))
    patched = api.patch_namespaced_custom_object(*where, "custom", {"spec": {"followerNum": 2}})
    status = api.patch_namespaced_custom_object_status(*where, "custom", {"status": {"clusterStatus": "Running"}})
    listed = api.list_namespaced_custom_object(*where)
    seen = []
    watching = watch.Watch()
    start = made["metadata"]["resourceVersion"]
    for event in watching.stream(api.list_namespaced_custom_object, *where, resource_version=start, timeout_seconds=30):
        seen.append([event["type"], event["object"]["metadata"]["generation"]])
        if len(seen) == 2:
            watching.stop()
    deleted = api.delete_namespaced_custom_object(*where, "custom")
    return {
        "made": made, "invalid": invalid, "patched": patched, "status": status, "seen": seen,
        "listed": listed,
        "deleted": deleted,
    }


def dynamic_client():
    # Its cache of what is served is a file, which must be no other server's.
    with tempfile.TemporaryDirectory() as folder:
        api = dynamic.DynamicClient(client.ApiClient(), cache_file=f"{folder}/discovery.json")
        maps = api.resources.get(api_version="v1", kind="ConfigMap")
        made = maps.create(body={"metadata": {"name": "dynamic"}, "data": {"a": "b"}}, namespace=NAMESPACE)
        applied = maps.server_side_apply(
            body={"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "dynamic"}, "data": {"b": "c"}},
            namespace=NAMESPACE, name="dynamic", field_manager="applier")
        refused = None
        try:
            maps.server_side_apply(
                body={"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "dynamic"}, "data": {"b": "d"}},
                namespace=NAMESPACE, name="dynamic", field_manager="other")
        except ConflictError as error:
            refused = error.summary()
        clusters = api.resources.get(api_version=f"{GROUP}/{VERSION}", kind="MPDCluster")
        one = clusters.create(body=cluster("dynamic"), namespace=NAMESPACE)
        clusters.patch(body={"spec": {"followerNum": 2}}, name="dynamic", namespace=NAMESPACE,
                       content_type="application/merge-patch+json")
        seen = clusters.get(name="dynamic", namespace=NAMESPACE)
        clusters.delete(name="dynamic", namespace=NAMESPACE)
        try:
            eventually("its end", lambda: clusters.get(name="dynamic", namespace=NAMESPACE) and False)
        except NotFoundError:
            pass
        maps.delete(name="dynamic", namespace=NAMESPACE)
        short = [resource.kind for resource in api.resources.search(short_names=["mpd"])]
        return {
            "made": plain(made), "applied": plain(applied), "refused": refused, "one": plain(one),
            "after": seen.spec.followerNum, "short": short,
        }


def from_yaml():
    text = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"yaml-{n}"}} for n in range(2)]
    made = utils.create_from_yaml(client.ApiClient(), yaml_objects=text, namespace=NAMESPACE)
    return [one[0].metadata.name for one in made]


def apis():
    groups = [group.name for group in client.ApisApi().get_api_versions().groups]
    wanted = ["apps", "batch", "coordination.k8s.io", "apiextensions.k8s.io", "rbac.authorization.k8s.io", GROUP]
    resources = {r.name: [r.kind, r.namespaced, sorted(r.verbs)] for r in client.CoordinationV1Api().get_api_resources().resources}
    return {"groups": [name for name in wanted if name in groups], "leases": resources["leases"],
            "core": client.CoreApi().get_api_versions().versions}


# leader election, as far as this client has it: a lock in a ConfigMap


def leaders():
    history = []
    hold = threading.Event()

    def contend():
        def lead():
            history.append("first leads")
            hold.wait()

        settings = electionconfig.Config(
            ConfigMapLock("leader", NAMESPACE, "first"), lease_duration=4, renew_deadline=3, retry_period=1,
            onstarted_leading=lead, onstopped_leading=lambda: history.append("first stopped"))
        leaderelection.LeaderElection(settings).run()

    threading.Thread(target=contend, daemon=True).start()
    eventually("a leader", lambda: history == ["first leads"])
    record = client.CoreV1Api().read_namespaced_config_map("leader", NAMESPACE)
    annotation = json.loads(record.metadata.annotations["control-plane.alpha.kubernetes.io/leader"])
    renewed = annotation["renewTime"]

    def renews():
        found = client.CoreV1Api().read_namespaced_config_map("leader", NAMESPACE)
        return json.loads(found.metadata.annotations["control-plane.alpha.kubernetes.io/leader"])["renewTime"] != renewed

    eventually("a renewal", renews)
    return {"history": list(history), "holder": annotation["holderIdentity"], "duration": annotation["leaseDurationSeconds"]}


# what needs a node


def kubelet():
    core = client.CoreV1Api()
    said = stream(core.connect_get_namespaced_pod_exec, "target", NAMESPACE, container="main", command=["echo", "hello"],
                  stderr=True, stdin=False, stdout=True, tty=False)
    shell = stream(core.connect_get_namespaced_pod_exec, "target", NAMESPACE, container="main", command=["fail", "3"],
                   stderr=True, stdin=False, stdout=True, tty=False, _preload_content=False)
    shell.run_forever(timeout=PATIENCE)
    code = shell.returncode
    log = core.read_namespaced_pod_log("target", NAMESPACE, container="main")
    port = int(core.read_namespaced_pod("target", NAMESPACE).metadata.annotations["clients/port"])
    return {"said": said, "code": code, "log": log, "port": port > 0}


PARTS = {
    "typed": [config_maps, pods, secrets_and_leases, workloads, pages, reviews],
    "watches": [watched, ends_in_time],
    "restart": [goes_on_after_restart],
    "custom": [definition, custom_objects, dynamic_client, from_yaml, apis],
    "leader": [leaders],
    "kubelet": [kubelet],
}


def main():
    config.load_kube_config(KUBECONFIG)
    failed = False
    for part in sys.argv[4:]:
        for step in PARTS[part]:
            line = {"step": f"{part}: {step.__name__.replace('_', ' ')}"}
            try:
                line["seen"] = step()
            except Exception:  # pylint: disable=broad-except
                line["failed"] = traceback.format_exc()
                failed = True
            say(line)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
