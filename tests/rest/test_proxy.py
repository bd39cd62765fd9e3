"""pods/proxy, services/proxy and nodes/proxy: what is behind them answers, or it is said why nothing does."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from k8snb.api.request import ADMIN
from k8snb.apiserver.http.message import HTTPRequest, HTTPResponse
from k8snb.apiserver.routes import serve
from k8snb.cluster import Cluster
from k8snb.kubectl import run

Tree = dict[str, Any]
PODS, SERVICES = "/api/v1/namespaces/default/pods", "/api/v1/namespaces/default/services"


def service(name: str, label: str, port: Tree) -> Tree:
    """A service's manifest."""
    spec = {"selector": {"app": label}, "ports": [port]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def pod(name: str, image: str, **spec: Any) -> Tree:
    """A pod's manifest."""
    container = {"name": "c", "image": image, "ports": [{"containerPort": 80}]}
    metadata = {"name": name, "labels": {"app": name}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container], **spec}}


@cache
def cluster() -> Cluster:
    """A web server behind a service, a service with nothing behind it, and a pod without a node."""
    found = Cluster(nodes=2)
    found.create(pod("web", "nginx"))
    found.create(pod("waits", "nginx", nodeSelector={"nowhere": "true"}))
    found.create(service("web", "web", {"name": "http", "port": 8080, "targetPort": 80}))
    found.create(service("wrong", "web", {"port": 80, "targetPort": 81}))
    found.create(service("empty", "nobody", {"port": 80}))
    found.settle()
    return found


def ask(path: str, method: str = "GET", served: Cluster | None = None, **headers: str) -> HTTPResponse:
    """The answer to the administrator."""
    given = {"accept": "text/html", "host": "api", **headers}
    return serve((served or cluster()).server, HTTPRequest(method, path, given, b"", ADMIN))


@pytest.mark.parametrize(
    "path",
    [f"{PODS}/web/proxy/", f"{PODS}/web:80/proxy/", f"{PODS}/http:web:80/proxy/", f"{SERVICES}/web:http/proxy/",
     f"{SERVICES}/web:8080/proxy/"],
)  # fmt: skip
def test_what_is_behind_answers(path: str) -> None:
    answer = ask(path)

    assert (answer.code, answer.content_type.partition(";")[0]) == (200, "text/html")
    assert b"Welcome to nginx!" in answer.body


REFUSED = {
    f"{PODS}/web:81/proxy/": (503, "error trying to reach service: dial tcp IP:81: connect: connection refused"),
    f"{PODS}/https:web:80/proxy/": (
        503,
        "error trying to reach service: http: server gave HTTP response to HTTPS client",
    ),
    f"{PODS}/web:nix/proxy/": (503, "error trying to reach service: dial tcp: lookup tcp/nix: unknown port"),
    f"{PODS}/waits/proxy/": (400, "address not allowed"),
    f"{PODS}/a:b:c:d/proxy/": (400, 'invalid pod request "a:b:c:d"'),
    f"{PODS}/nix/proxy/": (404, 'pods "nix" not found'),
    f"{SERVICES}/wrong/proxy/": (503, "error trying to reach service: dial tcp IP:81: connect: connection refused"),
    f"{SERVICES}/web/proxy/": (503, 'no endpoints available for service "web"'),
    f"{SERVICES}/web:99/proxy/": (503, 'no service port 99 found for service "web"'),
    f"{SERVICES}/empty/proxy/": (503, 'no endpoints available for service "empty"'),
    f"{SERVICES}/nix/proxy/": (404, 'endpoints "nix" not found'),
    "/api/v1/nodes/nix/proxy/": (404, 'nodes "nix" not found'),
}


@pytest.mark.parametrize("path", REFUSED)
def test_why_nothing_answers(path: str) -> None:
    answer = ask(path)
    address = cluster().get("pod/web").status.podIP

    status = json.loads(answer.body)

    assert REFUSED[path] == (answer.code, status["message"].replace(address, "IP"))


def test_a_name_without_a_slash_leads_to_the_one_with_it() -> None:
    answer = ask(f"{PODS}/web/proxy?a=b")

    assert (answer.code, dict(answer.headers)["Location"]) == (301, f"{PODS}/web/proxy/?a=b")


def test_what_the_program_says_is_passed_on() -> None:
    missing = ask(f"{PODS}/web/proxy/nothing")
    head = ask(f"{PODS}/web/proxy/", "HEAD")

    assert (missing.code, b"404 Not Found" in missing.body) == (404, True)
    assert (head.code, head.body) == (200, b"")


def test_kubelets() -> None:
    kubelet = "/api/v1/nodes/worker-1/proxy"
    here = {item["metadata"]["name"] for item in json.loads(ask(f"{kubelet}/pods").body)["items"]}
    there = {
        item["metadata"]["name"] for item in json.loads(ask("/api/v1/nodes/worker-2:10250/proxy/pods").body)["items"]
    }

    assert ask(f"{kubelet}/healthz").body == b"ok"
    assert ask(f"{kubelet}/nothing").code == 404
    assert "web" in here ^ there


def test_a_machine_that_is_off_answers_nothing() -> None:
    served = cluster().fork()
    on = served.get("pod/web").spec.nodeName
    served.kubelets.stop(on)

    pod_answer, node_answer = (
        ask(f"{PODS}/web/proxy/", served=served),
        ask(f"/api/v1/nodes/{on}/proxy/healthz", served=served),
    )

    assert (pod_answer.code, node_answer.code) == (503, 503)
    assert b"i/o timeout" in pod_answer.body
    assert b"i/o timeout" in node_answer.body


def test_a_policy_stands_in_the_way() -> None:
    served = cluster().fork()
    spec: Tree = {"podSelector": {}, "policyTypes": ["Ingress"]}
    served.create(
        {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "deny"}, "spec": spec}
    )
    served.settle()

    answer = ask(f"{PODS}/web/proxy/", served=served)

    assert (answer.code, b"i/o timeout" in answer.body) == (503, True)


RAW = {
    f"{PODS}/web/proxy": "Welcome to nginx!",
    f"{PODS}/web/proxy/nothing": "Error from server (NotFound): the server could not find the requested resource\n",
    f"{SERVICES}/empty/proxy/": 'Error from server (ServiceUnavailable): no endpoints available for service "empty"\n',
}


@pytest.mark.parametrize("path", RAW)
def test_kubectl_get_raw(path: str) -> None:
    found = run(cluster(), f"get --raw {path}")

    assert RAW[path] in found.stdout + found.stderr
