"""Who answers what the API server hands on (pods/proxy, services/proxy, nodes/proxy): programs in pods, and kubelets.

The API server's own machine is no node of the model. Its connections come from the address of a node that is on, of another
one than the pod's where there is one: so the pod network and NetworkPolicies stand in their way as they would in the way of
a control plane with a machine of its own.
"""

from __future__ import annotations

import json
from typing import Any

from k8snb.api.codec import to_dict
from k8snb.api.errors import APIError
from k8snb.apiserver import APIServer
from k8snb.apiserver.http.message import HTTPRequest, HTTPResponse
from k8snb.client.runtime import Runtime
from k8snb.client.wire import Request
from k8snb.network import Network
from k8snb.node import KubeletPool
from k8snb.sim.clock import Clock

DIAL_SECONDS = 30.0
"""How long the API server tries to connect."""
_TEXT = "text/plain; charset=utf-8"
_FAILED = {
    "refused": "dial tcp {address}: connect: connection refused",
    "timeout": "dial tcp {address}: i/o timeout",
    "unreachable": "dial tcp {address}: connect: no route to host",
    "reset": "EOF",
}


class Backends:
    """The network and the kubelets of one cluster."""

    def __init__(
        self, server: APIServer, network: Network, kubelets: KubeletPool, clock: Clock, runtime: Runtime
    ) -> None:
        self._server = server
        self._network = network
        self._kubelets = kubelets
        self._clock = clock
        self._runtime = runtime

    def ask(self, host: str, port: int, request: HTTPRequest) -> HTTPResponse:
        """What a program at an address answers; raises ``ConnectionError`` with what the network says."""
        headers = {name.title(): value for name, value in request.headers.items()}
        body = request.body.decode("utf-8", "surrogateescape")
        wire = Request(host, port, "http", request.method, request.path, headers, body, timeout=DIAL_SECONDS)
        view = self._runtime.processes["kubelet"].view
        reply = self._network.call(self._source(host), wire, view, self._clock.now)
        if reply.error:
            address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            raise ConnectionError(_FAILED.get(reply.error, reply.error).format(address=address))
        content = b"" if request.method == "HEAD" else reply.body.encode("utf-8", "surrogateescape")
        told = dict(reply.headers)
        if not any(name.lower() == "content-type" for name in told):
            page = reply.body.lstrip()[:15].lower().startswith(("<!doctype html", "<html"))
            told["Content-Type"] = "text/html; charset=utf-8" if page else _TEXT
        return HTTPResponse(reply.status or 200, tuple(told.items()), content)

    def kubelet(self, node: str, request: HTTPRequest) -> HTTPResponse:
        """What a node's kubelet answers: health, its pods, their logs and use; raises ``ConnectionError``."""
        agent = self._kubelets.agents.get(node)
        if agent is None or not agent.powered or not agent.connected:
            address = self._network.node_address(node)
            raise ConnectionError(f"dial tcp {address}:10250: i/o timeout")
        if not agent.alive:
            raise ConnectionError(f"dial tcp {agent.address}:10250: connect: connection refused")
        path = request.path.partition("?")[0].rstrip("/")
        parts = path.strip("/").split("/")
        if path == "/healthz":
            return _text(200, "ok")
        if path in ("/pods", "/runningpods"):
            return _json({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": self._pods(node)})
        if path == "/stats/summary" and self._server.metrics is not None:
            return _json(self._summary(node))
        if parts[0] == "containerLogs" and len(parts) == 4:
            return self._log(parts[1], parts[2], parts[3])
        return _text(404, "404 page not found\n")

    def _source(self, host: str) -> str:
        ipam = self._network.ipam
        on = [name for name in ipam.nodes if self._kubelets.reachable(name)]
        own = next((p.spec.nodeName for p in self._placed() if p.status.podIP == host), None)
        others = [name for name in on if name != own]
        return f"node/{next(iter(others or on or ipam.nodes))}"

    def _placed(self, node: str = "") -> list[Any]:
        pods = self._server.reader.list("pods")
        return [pod for pod in pods if pod.spec.nodeName and node in ("", pod.spec.nodeName)]

    def _pods(self, node: str) -> list[dict[str, Any]]:
        items = [to_dict(pod) for pod in self._placed(node)]
        for item in items:
            del item["kind"], item["apiVersion"]
        return items

    def _summary(self, node: str) -> dict[str, Any]:
        """The kubelet's summary of use, as far as metrics-server reads it."""
        assert self._server.metrics is not None
        here = {(p.metadata.namespace, p.metadata.name) for p in self._placed(node)}
        pods = [
            {
                "podRef": {"name": item.metadata.name, "namespace": item.metadata.namespace},
                "containers": [{"name": c.name, **_use(c.usage)} for c in item.containers],
            }
            for item in self._server.metrics.pods()
            if (item.metadata.namespace, item.metadata.name) in here
        ]
        whole = next((item for item in self._server.metrics.nodes() if item.metadata.name == node), None)
        return {"node": {"nodeName": node, **(_use(whole.usage) if whole is not None else {})}, "pods": pods}

    def _log(self, namespace: str, name: str, container: str) -> HTTPResponse:
        pod: Any = self._server.reader.get("pods", namespace, name)
        if pod is None or self._server.logs is None:
            return _text(404, f'pod "{name}" does not exist\n')
        try:
            return _text(200, self._server.logs.log(pod, container, {}))
        except APIError as error:
            return _text(error.code, f"{error.message}\n")


def _use(usage: Any) -> dict[str, Any]:
    from k8snb.api.quantity import parse

    cpu, memory = parse(str(usage.get("cpu", "0"))), parse(str(usage.get("memory", "0")))
    return {"cpu": {"usageNanoCores": cpu.nanos}, "memory": {"workingSetBytes": memory.nanos // 10**9}}


def _text(code: int, text: str) -> HTTPResponse:
    return HTTPResponse(code, (("Content-Type", _TEXT),), text.encode())


def _json(tree: dict[str, Any]) -> HTTPResponse:
    return HTTPResponse(200, (("Content-Type", "application/json"),), json.dumps(tree).encode())
