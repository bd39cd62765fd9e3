"""What is in a cluster before anybody uses it: the objects that kube-apiserver creates when it starts.

Simplification: the endpoints of the Service ``kubernetes`` are written once; a real server looks after them every 10 s.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from k8snb.api.errors import APIError
from k8snb.api.frozen import FrozenDict
from k8snb.api.object import Object
from k8snb.api.request import Request, Response, UserInfo
from k8snb.api.scheme import SCHEME
from k8snb.api.types.core_v1 import (
    EndpointAddress,
    EndpointPort,
    Endpoints,
    EndpointSubset,
    Namespace,
    Service,
    ServicePort,
    ServiceSpec,
)
from k8snb.api.types.discovery_v1 import Endpoint, EndpointConditions, EndpointSlice
from k8snb.api.types.discovery_v1 import EndpointPort as SlicePort
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.api.types.scheduling_v1 import PriorityClass
from k8snb.network.ipam import API_PORT, CONTROL_PLANE

LOOPBACK = UserInfo("system:apiserver", groups=("system:masters", "system:authenticated"))
"""The identity of kube-apiserver's own requests."""
NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
SERVICE_IP = "10.96.0.1"
"""The first address of the service range 10.96.0.0/16 belongs to the Service ``kubernetes``."""


class Server(Protocol):
    """The API server's entrance."""

    def handle(self, request: Request) -> Response:
        """Serve a request."""


def initial_objects() -> list[Object]:
    """The namespaces, the built-in priority classes and the Service through which pods find the API server."""
    namespaces: list[Any] = [Namespace(metadata=ObjectMeta(name=name)) for name in NAMESPACES]
    critical = [("system-node-critical", 2000001000), ("system-cluster-critical", 2000000000)]
    classes = [
        PriorityClass(
            metadata=ObjectMeta(name=name),
            value=value,
            description=(
                "Used for system critical pods that must not be moved from their current node."
                if name == "system-node-critical"
                else "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary."
            ),
            preemptionPolicy="PreemptLowerPriority",
        )
        for name, value in critical
    ]
    service = Service(
        metadata=ObjectMeta(
            name="kubernetes",
            namespace="default",
            labels=FrozenDict({"component": "apiserver", "provider": "kubernetes"}),
        ),
        spec=ServiceSpec(
            clusterIP=SERVICE_IP,
            clusterIPs=(SERVICE_IP,),
            ports=(ServicePort(name="https", port=443, protocol="TCP", targetPort=API_PORT),),
            sessionAffinity="None",
            type="ClusterIP",
            ipFamilies=("IPv4",),
            ipFamilyPolicy="SingleStack",
        ),
    )
    return [*namespaces, *classes, service, *_own_endpoints()]


def _own_endpoints() -> tuple[Object, ...]:
    """Where the API server listens, as its endpoint reconciler writes it: in both forms, in no mirror of each other."""
    endpoints = Endpoints(
        metadata=ObjectMeta(
            name="kubernetes",
            namespace="default",
            labels=FrozenDict({"endpointslice.kubernetes.io/skip-mirror": "true"}),
        ),
        subsets=(
            EndpointSubset(
                addresses=(EndpointAddress(ip=CONTROL_PLANE),),
                ports=(EndpointPort(name="https", port=API_PORT, protocol="TCP"),),
            ),
        ),
    )
    part = EndpointSlice(
        metadata=ObjectMeta(
            name="kubernetes", namespace="default", labels=FrozenDict({"kubernetes.io/service-name": "kubernetes"})
        ),
        addressType="IPv4",
        endpoints=(Endpoint(addresses=(CONTROL_PLANE,), conditions=EndpointConditions(ready=True)),),
        ports=(SlicePort(name="https", port=API_PORT, protocol="TCP"),),
    )
    return endpoints, part


def bootstrap(server: Server) -> None:
    """Create the initial objects as kube-apiserver; those that are there already (a start was cut short) stay."""
    install(server, initial_objects(), LOOPBACK, "kube-apiserver")


def install(server: Server, objects: Iterable[Object], user: UserInfo, actor: str) -> None:
    """Create objects that a new cluster has; those that are there already stay."""
    for obj in objects:
        request = Request("create", SCHEME.of(obj), obj.metadata.namespace or "", body=obj, user=user, actor=actor)
        try:
            server.handle(request)
        except APIError as error:
            if error.reason not in ("AlreadyExists", "Invalid"):
                raise
