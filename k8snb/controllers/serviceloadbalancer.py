"""The service controller of a cloud-controller-manager: a load balancer of a modelled cloud for each Service that asks for one.

A Service has an address of each of its IP families. The controller is not part of kube-controller-manager, so a bare cluster
leaves Services of type LoadBalancer pending; add it with
``Cluster(controllers=[*IN_TREE, ServiceLoadBalancerController])``. The cloud is quick: a balancer is there at once.
"""

from __future__ import annotations

from msgspec.structs import replace

from k8snb.api.errors import APIError
from k8snb.api.types.core_v1 import LoadBalancerIngress, LoadBalancerStatus, Service
from k8snb.client.calls import Emit, Update, UpdateStatus
from k8snb.client.protocol import Controller, Reconcile, Watch, own_key
from k8snb.client.view import View

CLEANUP = "service.kubernetes.io/load-balancer-cleanup"
"""The finalizer that keeps a Service until its balancer is gone."""
CLOUD = "198.51.100."
"""Where the cloud's addresses are (TEST-NET-2): .1 to .254."""
CLOUD_6 = "2001:db8:51::"
"""The same for IPv6 (in the range for documentation), in hexadecimal."""
ADDRESSES = range(1, 255)


class ServiceLoadBalancerController(Controller):
    """Gives Services of type LoadBalancer an address, and takes it back; keys are Services."""

    name = "service-lb-controller"
    process = "cloud-controller-manager"
    account = "service-controller"

    def __init__(self) -> None:
        self.watches = (Watch(Service, own_key),)

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Bring one Service's balancer in line with its type."""
        service = view.lookup(Service, key)
        if service is None:
            return None
        meta, spec = service.metadata, service.spec
        wanted = spec.type == "LoadBalancer" and not spec.loadBalancerClass and meta.deletionTimestamp is None
        has = service.status.loadBalancer.ingress
        if not wanted:
            if CLEANUP not in meta.finalizers:
                return None
            yield Emit(service, "Normal", "DeletingLoadBalancer", "Deleting load balancer")
            if has and meta.deletionTimestamp is None:
                status = replace(service.status, loadBalancer=LoadBalancerStatus())
                out = yield UpdateStatus(replace(service, status=status), why="balancer")
                if not isinstance(out, Service):
                    raise _failure(out)
                service = out
            kept = tuple(f for f in meta.finalizers if f != CLEANUP)
            out = yield Update(replace(service, metadata=replace(service.metadata, finalizers=kept)), why="balancer")
            if isinstance(out, APIError) and out.reason != "NotFound":
                raise out
            yield Emit(service, "Normal", "DeletedLoadBalancer", "Deleted load balancer")
            return None
        if has and CLEANUP in meta.finalizers:
            return None
        yield Emit(service, "Normal", "EnsuringLoadBalancer", "Ensuring load balancer")
        if CLEANUP not in meta.finalizers:
            named = replace(meta, finalizers=(*meta.finalizers, CLEANUP))
            out = yield Update(replace(service, metadata=named), why="balancer")
            if not isinstance(out, Service):
                raise _failure(out)
            service = out
        if not has:
            families = spec.ipFamilies or ("IPv4",)
            ips = (spec.loadBalancerIP,) if spec.loadBalancerIP else tuple(_free(view, family) for family in families)
            ingress = tuple(LoadBalancerIngress(ip=ip, ipMode="VIP") for ip in ips)
            status = replace(service.status, loadBalancer=LoadBalancerStatus(ingress=ingress))
            out = yield UpdateStatus(replace(service, status=status), why="balancer")
            if isinstance(out, APIError):
                raise out
        yield Emit(service, "Normal", "EnsuredLoadBalancer", "Ensured load balancer")
        return None


def _free(view: View, family: str) -> str:
    """The lowest address of the cloud of a family that no Service has."""
    taken = {i.ip for s in view.list(Service) for i in s.status.loadBalancer.ingress}
    every = (f"{CLOUD_6}{n:x}" if family == "IPv6" else f"{CLOUD}{n}" for n in ADDRESSES)
    return next(ip for ip in every if ip not in taken)


def _failure(out: object) -> APIError:
    return out if isinstance(out, APIError) else APIError(500, "", f"unexpected answer {out!r}")
