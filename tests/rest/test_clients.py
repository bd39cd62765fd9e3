"""Real client libraries on a served cluster: the official Python client, lightkube, and an operator written with kopf."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from k8snb.rest import Serving

pytestmark = [
    pytest.mark.filterwarnings("default"),  # the libraries' own warnings are not ours to mend
    pytest.mark.filterwarnings("error::ResourceWarning"),  # but what is opened here is closed here
    pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning"),
]


def until(holds: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture(scope="module")
def official(serving: Serving) -> Any:
    """The official client."""
    kubernetes = pytest.importorskip("kubernetes")
    kubernetes.config.load_kube_config(str(serving.kubeconfig))
    return kubernetes


@pytest.fixture(scope="module")
def api(official: Any) -> Iterator[Any]:
    """The official client's connections."""
    with official.client.ApiClient() as client:
        yield client


@pytest.fixture(scope="module")
def space(official: Any, api: Any) -> Iterator[str]:
    """A namespace with its ServiceAccount."""
    core = official.client.CoreV1Api(api)
    core.create_namespace({"metadata": {"name": "clients"}})
    assert until(lambda: bool(core.list_namespaced_service_account("clients").items))
    yield "clients"
    core.delete_namespace("clients")


def pod(name: str, image: str = "nginx", command: list[str] | None = None) -> dict[str, Any]:
    """A pod's manifest."""
    container = {"name": "main", "image": image, **({"command": command} if command else {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"of": "clients"}},
        "spec": {"containers": [container]},
    }


def test_official_objects(official: Any, api: Any, space: str) -> None:
    core, apps = official.client.CoreV1Api(api), official.client.AppsV1Api(api)
    made = core.create_namespaced_config_map(space, {"metadata": {"name": "a"}, "data": {"k": "v"}})
    made.data["k"] = "w"
    replaced = core.replace_namespaced_config_map("a", space, made)
    made.data["k"] = "late"
    with pytest.raises(official.client.ApiException) as conflict:
        core.replace_namespaced_config_map("a", space, made)
    patched = core.patch_namespaced_config_map("a", space, {"data": {"l": "x"}})
    template = {"metadata": {"labels": {"app": "b"}}, "spec": pod("")["spec"]}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "b"}}, "template": template}
    apps.create_namespaced_deployment(space, {"metadata": {"name": "b"}, "spec": spec})
    ready = until(lambda: apps.read_namespaced_deployment("b", space).status.ready_replicas == 2)
    scaled = apps.patch_namespaced_deployment_scale("b", space, {"spec": {"replicas": 1}})
    apps.delete_namespaced_deployment("b", space)
    first = core.list_namespaced_config_map(space, limit=1)
    rest = core.list_namespaced_config_map(space, limit=5, _continue=first.metadata._continue)

    assert replaced.data == {"k": "w"}
    assert (conflict.value.status, conflict.value.reason) == (409, "Conflict")
    assert patched.data == {"k": "w", "l": "x"}
    assert ready
    assert scaled.spec.replicas == 1
    assert [item.metadata.name for item in (*first.items, *rest.items)] == ["a", "kube-root-ca.crt"]


def test_official_watch(official: Any, api: Any, space: str) -> None:
    core = official.client.CoreV1Api(api)
    start = core.list_namespaced_pod(space, label_selector="of=clients").metadata.resource_version
    threading.Timer(0.2, lambda: core.create_namespaced_pod(space, pod("watched"))).start()
    seen: list[tuple[str, str]] = []
    deleted = False
    watch = official.watch.Watch()
    for event in watch.stream(
        core.list_namespaced_pod, space, resource_version=start, label_selector="of=clients", timeout_seconds=60
    ):
        found = event["object"]
        seen.append((event["type"], found.status.phase))
        if found.status.phase == "Running" and found.metadata.deletion_timestamp is None and not deleted:
            deleted = bool(core.delete_namespaced_pod("watched", space))
        if event["type"] == "DELETED":
            watch.stop()

    assert seen[0] == ("ADDED", "Pending")
    assert seen[-1][0] == "DELETED"


def test_official_log_and_exec(official: Any, api: Any, space: str) -> None:
    core = official.client.CoreV1Api(api)
    core.create_namespaced_pod(space, pod("talks", "busybox", ["sh", "-c", "echo hello; sleep 100000"]))
    assert until(lambda: core.read_namespaced_pod("talks", space).status.phase == "Running")
    from kubernetes.stream import stream

    said = stream(
        core.connect_get_namespaced_pod_exec, "talks", space, command=["sh", "-c", "echo out; echo err >&2; exit 2"],
        stdout=True, stderr=True, stdin=False, tty=False, _preload_content=False,
    )  # fmt: skip
    said.run_forever(timeout=30)
    said.sock.shutdown()  # its close() leaves a socket open whose peer has said goodbye first

    assert core.read_namespaced_pod_log("talks", space) == "hello\n"
    assert (said.read_stdout(), said.read_stderr(), said.returncode) == ("out\n", "err\n", 2)


def test_official_port_forward(official: Any, api: Any, space: str) -> None:
    core = official.client.CoreV1Api(api)
    core.create_namespaced_pod(space, pod("web"))
    assert until(lambda: core.read_namespaced_pod("web", space).status.phase == "Running")
    from kubernetes.stream import portforward

    forward = portforward(core.connect_get_namespaced_pod_portforward, "web", space, ports="80")
    socket = forward.socket(80)
    socket.setblocking(True)
    socket.settimeout(30)
    socket.sendall(b"GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n")
    answer = b""
    while piece := socket.recv(4096):
        answer += piece
    socket.close()
    forward.websocket.shutdown()

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Welcome to nginx!" in answer


def test_official_reviews_and_dynamic_client(official: Any, api: Any, space: str) -> None:
    from kubernetes.dynamic import DynamicClient

    review = official.client.AuthorizationV1Api(api).create_self_subject_access_review(
        {"spec": {"resourceAttributes": {"verb": "create", "resource": "pods"}}}
    )
    dynamic: Any = DynamicClient(api)  # type: ignore[no-untyped-call] # it has no types
    nodes = dynamic.resources.get(api_version="v1", kind="Node").get()

    assert review.status.allowed
    assert [node.metadata.name for node in nodes.items] == ["worker-1", "worker-2", "worker-3"]


def test_lightkube(serving: Serving, space: str) -> None:
    lightkube = pytest.importorskip("lightkube")
    from lightkube.models.apps_v1 import DeploymentSpec
    from lightkube.models.core_v1 import Container, PodSpec, PodTemplateSpec
    from lightkube.models.meta_v1 import LabelSelector, ObjectMeta
    from lightkube.resources.apps_v1 import Deployment
    from lightkube.resources.core_v1 import ConfigMap, Pod

    config = lightkube.KubeConfig.from_file(str(serving.kubeconfig))
    client = lightkube.Client(config=config.get(), namespace=space, field_manager="light", trust_env=False)
    template = PodTemplateSpec(
        metadata=ObjectMeta(labels={"app": "light"}), spec=PodSpec(containers=[Container("web", image="nginx")])
    )
    spec = DeploymentSpec(replicas=2, selector=LabelSelector(matchLabels={"app": "light"}), template=template)
    client.create(Deployment(metadata=ObjectMeta(name="light"), spec=spec))
    client.wait(Deployment, "light", for_conditions=["Available"])
    applied = client.apply(ConfigMap(metadata=ObjectMeta(name="light"), data={"a": "b"}))
    patched = client.patch(ConfigMap, "light", {"data": {"c": "d"}})
    pods = list(client.list(Pod, labels={"app": "light"}))
    client.delete(Deployment, "light")
    with pytest.raises(lightkube.ApiError) as missing:
        client.get(ConfigMap, "nothing")
    client.close()

    assert patched.data == {"a": "b", "c": "d"}
    assert applied.metadata.managedFields[0].manager == "light"
    assert len(pods) == 2
    assert missing.value.status.reason == "NotFound"


ECHOES = {
    "metadata": {"name": "echoes.stable.example.com"},
    "spec": {
        "group": "stable.example.com",
        "scope": "Namespaced",
        "names": {"plural": "echoes", "singular": "echo", "kind": "Echo"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {"type": "object", "properties": {"message": {"type": "string"}}},
                            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                        },
                    }
                },
            }
        ],
    },
}


def test_an_operator(serving: Serving, official: Any, api: Any, space: str, tmp_path: Path) -> None:
    pytest.importorskip("kopf")
    extensions, custom = official.client.ApiextensionsV1Api(api), official.client.CustomObjectsApi(api)
    core = official.client.CoreV1Api(api)
    extensions.create_custom_resource_definition(ECHOES)
    where = ("stable.example.com", "v1", space, "echoes")

    def served() -> bool:
        try:
            custom.list_namespaced_custom_object(*where)
        except official.client.ApiException:
            return False
        return True

    def message() -> str | None:
        found = core.list_namespaced_config_map(space, field_selector="metadata.name=first").items
        return found[0].data.get("message") if found else None

    assert until(served)
    body = {
        "apiVersion": "stable.example.com/v1",
        "kind": "Echo",
        "metadata": {"name": "first"},
        "spec": {"message": "one"},
    }
    custom.create_namespaced_custom_object(*where, body)
    environ = {**os.environ, "KUBECONFIG": str(serving.kubeconfig), "PYTHONWARNINGS": "ignore"}
    script = Path(__file__).parent / "echo_operator.py"
    log = tmp_path / "log"
    with (
        log.open("w") as file,
        subprocess.Popen([sys.executable, str(script), space], env=environ, stdout=file, stderr=file) as operator,
    ):
        try:
            first = until(lambda: message() == "one" or operator.poll() is not None) and message() == "one"
            custom.patch_namespaced_custom_object(*where, "first", {"spec": {"message": "two"}})
            second = until(lambda: message() == "two")
            said = until(
                lambda: custom.get_namespaced_custom_object(*where, "first").get("status", {}).get("said") == "two"
            )
        finally:
            operator.terminate()
            operator.wait(30)
    extensions.delete_custom_resource_definition("echoes.stable.example.com")

    assert (first, second, said) == (True, True, True), log.read_text()[-3000:]
