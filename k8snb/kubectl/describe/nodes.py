"""Nodes and namespaces."""

from __future__ import annotations

from typing import Any

from k8snb.api import quantity
from k8snb.apiserver.tables.cluster import node_roles
from k8snb.apiserver.tables.duration import since
from k8snb.kubectl.describe.limits import limits_table
from k8snb.kubectl.describe.page import UNSET, Page, go_bool, moment

_ALWAYS = ("cpu", "memory", "ephemeral-storage")


def node(page: Page, obj: Any) -> None:
    """A node, with the pods that run on it and what they take."""
    meta, spec, status = obj.metadata, obj.spec, obj.status
    client = page.client
    page.line(f"Name:\t{meta.name}")
    page.line(f"Roles:\t{node_roles(obj)}")
    page.mapping("Labels", meta.labels)
    page.annotations("Annotations", meta.annotations)
    page.line(f"CreationTimestamp:\t{moment(meta.creationTimestamp)}")
    taints = [f"{taint.key}={taint.value}:{taint.effect}" if taint.value else f"{taint.key}:{taint.effect}"
              for taint in sorted(spec.taints, key=lambda taint: (taint.effect, taint.key, taint.value or ""))]  # fmt: skip
    page.column("Taints", taints)
    page.line(f"Unschedulable:\t{go_bool(spec.unschedulable)}")
    lease = client.find(client.core("leases.coordination.k8s.io"), "kube-node-lease", meta.name)
    page.line("Lease:")
    body = lease.spec if lease is not None else None
    page.line(f"HolderIdentity:\t{getattr(body, 'holderIdentity', None) or UNSET}", 1)
    for title, field in (("AcquireTime", "acquireTime"), ("RenewTime", "renewTime")):
        when = getattr(body, field, None)
        page.line(f"{title}:\t{moment(when) if when else UNSET}", 1)
    if status.conditions:
        page.line("Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage")
        page.line("----\t------\t-----------------\t------------------\t------\t-------", 1)
        for item in status.conditions:
            page.line(
                f"{item.type} \t{item.status} \t{moment(item.lastHeartbeatTime)} \t{moment(item.lastTransitionTime)} \t"
                f"{item.reason or ''} \t{item.message or ''}",
                1,
            )
    page.line("Addresses:")
    for address in status.addresses:
        page.line(f"{address.type}:\t{address.address}", 1)
    for title, values in (("Capacity", status.capacity), ("Allocatable", status.allocatable)):
        if values:
            page.line(f"{title}:")
        for name in sorted(values):
            page.line(f"{name}:\t{values[name]}", 1)
    _system(page, status.nodeInfo)
    if spec.podCIDR:
        page.line(f"PodCIDR:\t{spec.podCIDR}")
    if spec.podCIDRs:
        page.line(f"PodCIDRs:\t{','.join(spec.podCIDRs)}")
    if spec.providerID:
        page.line(f"ProviderID:\t{spec.providerID}")
    _pods(page, obj)
    page.events(obj)


def _system(page: Page, info: Any) -> None:
    page.line("System Info:")
    for title, field in (
        ("Machine ID", "machineID"),
        ("System UUID", "systemUUID"),
        ("Boot ID", "bootID"),
        ("Kernel Version", "kernelVersion"),
        ("OS Image", "osImage"),
        ("Operating System", "operatingSystem"),
        ("Architecture", "architecture"),
        ("Container Runtime Version", "containerRuntimeVersion"),
        ("Kubelet Version", "kubeletVersion"),
        ("Kube-Proxy Version", "kubeProxyVersion"),
    ):
        page.line(f"{title}:\t{getattr(info, field, None) or ''}", 1)


def _pod_amounts(pod: Any, field: str) -> dict[str, str]:
    """What a pod requests (or is limited to): the containers' sum, or more if an init container needs more."""
    spec = pod.spec
    total = quantity.total(getattr(item.resources, field) for item in spec.containers)
    sidecars: list[Any] = []
    for item in spec.initContainers:
        values = getattr(item.resources, field)
        if item.restartPolicy == "Always":
            sidecars.append(values)
            total = quantity.total([total, values])
            values = quantity.total(sidecars)
        else:
            values = quantity.total([*sidecars, values])
        for name, amount in values.items():
            if name not in total or quantity.cmp(amount, total[name]) > 0:
                total[name] = amount
    if spec.overhead:
        total = quantity.total([total, spec.overhead])
    return total


def _share(amount: str, capacity: str | None) -> int:
    """Whole percent of what can be allocated."""
    whole = quantity.parse(capacity).nanos if capacity else 0
    return quantity.parse(amount).nanos * 100 // whole if whole else 0


def _pods(page: Page, obj: Any) -> None:
    client = page.client
    fields = f"spec.nodeName={obj.metadata.name},status.phase!=Failed,status.phase!=Succeeded"
    pods = client.list(client.core("pods"), fields=fields)
    can = obj.status.allocatable or obj.status.capacity
    page.line(f"Non-terminated Pods:\t({len(pods)} in total)")
    page.line("Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge", 1)
    page.line("---------\t----\t\t------------\t----------\t---------------\t-------------\t---", 1)
    requests, limits = [], []
    for pod in pods:
        asked, most = _pod_amounts(pod, "requests"), _pod_amounts(pod, "limits")
        requests.append(asked)
        limits.append(most)
        cells = []
        for name in ("cpu", "memory"):
            for values in (asked, most):
                amount = values.get(name, "0")
                cells.append(f"{amount} ({_share(amount, can.get(name))}%)")
        age = since(pod.metadata.creationTimestamp, client.now)
        cells_text = "\t".join(cells)
        page.line(f"{pod.metadata.namespace}\t{pod.metadata.name}\t\t{cells_text}\t{age}", 1)
    page.line("Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)")
    page.line("Resource\tRequests\tLimits", 1)
    page.line("--------\t--------\t------", 1)
    asked, most = quantity.total(requests), quantity.total(limits)
    others = [name for name in sorted(can) if name not in _ALWAYS and name != "pods"]
    for name in (*_ALWAYS, *others):
        left, right = asked.get(name, "0"), most.get(name, "0")
        if name in _ALWAYS:
            left, right = (f"{amount} ({_share(amount, can.get(name))}%)" for amount in (left, right))
        page.line(f"{name}\t{left}\t{right}", 1)


def namespace(page: Page, obj: Any) -> None:
    """A namespace, with its quotas and limits."""
    client = page.client
    page.head(obj, namespace=False)
    page.line(f"Status:\t{obj.status.phase or ''}")
    if obj.status.conditions:
        page.line("Conditions:\n  Type\tStatus\tLastTransitionTime\tReason\tMessage")
        page.line("----\t------\t------------------\t------\t-------", 1)
        for item in obj.status.conditions:
            page.line(
                f"{item.type}\t{item.status}\t{moment(item.lastTransitionTime)}\t{item.reason or ''}\t{item.message or ''}",
                1,
            )
    name = obj.metadata.name
    quotas = client.list(client.core("resourcequotas"), name)
    page.line("")
    if not quotas:
        page.line("No resource quota.")
    else:
        page.line("Resource Quotas")
    for quota in quotas:
        page.line(f"Name:\t{quota.metadata.name}", 1)
        page.line("Resource\tUsed\tHard", 1)
        page.line("--------\t---\t---", 1)
        for resource in sorted(quota.status.hard):
            page.line(f"{resource}\t{quota.status.used.get(resource, '0')}\t{quota.status.hard[resource]}", 1)
    page.line("")
    ranges = client.list(client.core("limitranges"), name)
    if not ranges:
        page.line("No LimitRange resource.")
        return
    page.line("Resource Limits")
    limits_table(page, [item for obj in ranges for item in obj.spec.limits], " ")
