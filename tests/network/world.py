"""A small world for network tests: services and endpoints written by hand over the real kubelets."""

from __future__ import annotations

from typing import Any

from k8snb.api.frozen import FrozenDict
from k8snb.api.types.core_v1 import (
    ObjectReference,
    Pod,
    Service,
    ServicePort,
    ServiceSpec,
)
from k8snb.api.types.discovery_v1 import Endpoint, EndpointConditions, EndpointPort, EndpointSlice
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.network import Answer
from tests.node.builders import NodeRig, container, spec


class NetRig(NodeRig):
    """Nodes with pods ``web-1`` … behind services."""

    def serve(self, name: str, port: int = 80, target: int = 80, **fields: Any) -> Service:
        """Create a Service with one TCP port."""
        fields.setdefault("clusterIP", f"10.96.1.{len(self.api.objects) % 250 + 1}")
        fields.setdefault("type", "ClusterIP")
        node_port = fields.pop("nodePort", None)
        ports = (ServicePort(port=port, targetPort=target, protocol="TCP", nodePort=node_port),)
        meta = ObjectMeta(name=name, namespace=fields.pop("namespace", "default"))
        return self.api.put(Service(metadata=meta, spec=ServiceSpec(ports=ports, **fields)))

    def endpoints(
        self, service: str, *pods: str, port: int = 80, ready: bool = True, terminating: bool = False
    ) -> None:
        """Write the service's EndpointSlice."""
        found = tuple(self._endpoint(self.get(p), ready, terminating) for p in pods)
        labels = FrozenDict({"kubernetes.io/service-name": service})
        meta = ObjectMeta(name=f"{service}-x", namespace="default", labels=labels)
        ports = (EndpointPort(port=port, protocol="TCP", name=""),)
        self.api.put(EndpointSlice(metadata=meta, addressType="IPv4", endpoints=found, ports=ports))

    def _endpoint(self, pod: Pod, ready: bool, terminating: bool) -> Endpoint:
        target = ObjectReference(kind="Pod", name=pod.metadata.name, namespace="default", uid=pod.metadata.uid)
        return Endpoint(
            addresses=(pod.status.podIP or "",),
            conditions=EndpointConditions(ready=ready, serving=True, terminating=terminating),
            targetRef=target,
            nodeName=pod.spec.nodeName,
            hostname=pod.spec.hostname,
        )

    def request(self, source: str, url: str, **fields: Any) -> Answer:
        """Send a request."""
        return self.network.request(source, url, self.runtime.processes["kubelet"].view, **fields)


def two_webs() -> NetRig:
    """Two nodes, a web pod on each, a client on the first, a service in front."""
    rig = NetRig(2, images=("traefik/whoami:v1.11", "busybox:1.36"))
    rig.pod("web-1", spec(container("traefik/whoami:v1.11")), node="n1")
    rig.pod("web-2", spec(container("traefik/whoami:v1.11")), node="n2")
    rig.pod("client", spec(container("busybox:1.36", command=("sleep", "infinity"))), node="n1")
    rig.run(4)
    rig.serve("web", clusterIP="10.96.1.1")
    rig.endpoints("web", "web-1", "web-2")
    return rig
