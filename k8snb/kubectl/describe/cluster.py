"""Nodes, namespaces, configuration, and every kind without a description of its own."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from k8snb.api.codec import to_dict
from k8snb.api.quantity import from_int, from_milli, parse
from k8snb.kubectl.client import Client
from k8snb.kubectl.describe.text import NONE, Writer, when, write_annotations

ACTIVE = ("Pending", "Running", "Unknown")


def node(writer: Writer, client: Client, obj: Any) -> None:
    """A Node with its pods and what they request."""
    meta, status = obj.metadata, obj.status
    roles = sorted(
        k.removeprefix("node-role.kubernetes.io/") for k in meta.labels if k.startswith("node-role.kubernetes.io/")
    )
    writer.field(0, "Name", meta.name)
    writer.field(0, "Roles", ",".join(roles) or NONE)
    writer.labels(0, "Labels", meta.labels)
    write_annotations(writer, 0, meta.annotations)
    writer.field(0, "CreationTimestamp", when(meta.creationTimestamp))
    for i, taint in enumerate(obj.spec.taints):
        told = f"{taint.key}{'=' + taint.value if taint.value else ''}:{taint.effect}"
        writer.line(0, f"{'Taints:' if i == 0 else ''}\t{told}")
    if not obj.spec.taints:
        writer.field(0, "Taints", NONE)
    writer.field(0, "Unschedulable", str(bool(obj.spec.unschedulable)).lower())
    _lease(writer, client, meta.name)
    if status.conditions:
        writer.line(0, "Conditions:")
        writer.line(1, "Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage")
        writer.line(1, "----\t------\t-----------------\t------------------\t------\t-------")
        for c in status.conditions:
            times = f"{when(c.lastHeartbeatTime)}\t{when(c.lastTransitionTime)}"
            writer.line(1, f"{c.type} \t{c.status} \t{times} \t{c.reason} \t{c.message}")
    writer.line(0, "Addresses:")
    for address in status.addresses:
        writer.field(1, address.type, address.address)
    for name, amounts in (("Capacity", status.capacity), ("Allocatable", status.allocatable)):
        writer.line(0, f"{name}:")
        for key in sorted(amounts):
            writer.field(1, key, amounts[key])
    info = status.nodeInfo
    writer.line(0, "System Info:")
    for name, value in (
        ("Machine ID", info.machineID),
        ("System UUID", info.systemUUID),
        ("Boot ID", info.bootID),
        ("Kernel Version", info.kernelVersion),
        ("OS Image", info.osImage),
        ("Operating System", info.operatingSystem),
        ("Architecture", info.architecture),
        ("Container Runtime Version", info.containerRuntimeVersion),
        ("Kubelet Version", info.kubeletVersion),
        ("Kube-Proxy Version", info.kubeProxyVersion or ""),
    ):
        writer.field(1, name, value)
    if obj.spec.podCIDR:
        writer.field(0, "PodCIDR", obj.spec.podCIDR)
        writer.field(0, "PodCIDRs", ",".join(obj.spec.podCIDRs))
    _pods(writer, client, obj)


def _lease(writer: Writer, client: Client, name: str) -> None:
    lease = client.find(client.kind("leases.coordination.k8s.io"), "kube-node-lease", name)
    if lease is None:
        return
    writer.line(0, "Lease:")
    writer.field(1, "HolderIdentity", lease.spec.holderIdentity or "<unset>")
    writer.field(1, "AcquireTime", when(lease.spec.acquireTime) if lease.spec.acquireTime else "<unset>")
    writer.field(1, "RenewTime", when(lease.spec.renewTime) if lease.spec.renewTime else "<unset>")


def _pods(writer: Writer, client: Client, obj: Any) -> None:
    pods = [
        p
        for p in client.list(client.core("pods"))
        if p.spec.nodeName == obj.metadata.name and p.status.phase not in ("Succeeded", "Failed")
    ]
    writer.field(0, "Non-terminated Pods", f"({len(pods)} in total)")
    writer.line(1, "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge")
    writer.line(1, "---------\t----\t\t------------\t----------\t---------------\t-------------\t---")
    totals = dict.fromkeys(("cpu requests", "cpu limits", "memory requests", "memory limits"), 0)
    room = {name: parse(obj.status.allocatable.get(name, "0")).milli_value() for name in ("cpu", "memory")}
    for pod in pods:
        cells = []
        for resource in ("cpu", "memory"):
            for group in ("requests", "limits"):
                milli = sum(
                    parse(amount).milli_value()
                    for c in pod.spec.containers
                    if (amount := getattr(c.resources, group).get(resource))
                )
                totals[f"{resource} {group}"] += milli
                cells.append(_share(resource, milli, room[resource]))
        row = "\t".join(cells)
        writer.line(
            1, f"{pod.metadata.namespace}\t{pod.metadata.name}\t\t{row}\t{client.age(pod.metadata.creationTimestamp)}"
        )
    writer.line(0, "Allocated resources:")
    writer.line(1, "(Total limits may be over 100 percent, i.e., overcommitted.)")
    writer.line(1, "Resource\tRequests\tLimits")
    writer.line(1, "--------\t--------\t------")
    for resource in ("cpu", "memory"):
        cells = [_share(resource, totals[f"{resource} {group}"], room[resource]) for group in ("requests", "limits")]
        writer.line(1, f"{resource}\t{cells[0]}\t{cells[1]}")
    writer.line(1, "ephemeral-storage\t0 (0%)\t0 (0%)")


def _share(resource: str, milli: int, room: int) -> str:
    percent = milli * 100 // room if room else 0
    amount = from_int(milli // 1000, "BinarySI") if resource == "memory" else from_milli(milli)
    return f"{amount} ({percent}%)"


def namespace(writer: Writer, client: Client, obj: Any) -> None:
    """A Namespace."""
    writer.field(0, "Name", obj.metadata.name)
    writer.labels(0, "Labels", obj.metadata.labels)
    write_annotations(writer, 0, obj.metadata.annotations)
    writer.field(0, "Status", obj.status.phase)
    writer.line(0)
    writer.line(0, "No resource quota.")
    writer.line(0)
    writer.line(0, "No LimitRange resource.")


def config_map(writer: Writer, client: Client, obj: Any) -> None:
    """A ConfigMap with its data."""
    _head(writer, obj)
    writer.line(0)
    writer.line(0, "Data")
    writer.line(0, "====")
    for key, value in obj.data.items():
        writer.line(0, f"{key}:")
        writer.line(0, "----")
        writer.line(0, value)
        writer.line(0)
    writer.line(0)
    writer.line(0, "BinaryData")
    writer.line(0, "====")
    for key, value in obj.binaryData.items():
        writer.line(0, f"{key}: {len(b64decode(value))} bytes")
    writer.line(0)


def secret(writer: Writer, client: Client, obj: Any) -> None:
    """A Secret: the sizes of its values, not the values."""
    _head(writer, obj)
    writer.line(0)
    writer.field(0, "Type", obj.type)
    writer.line(0)
    writer.line(0, "Data")
    writer.line(0, "====")
    for key in sorted(obj.data):
        writer.field(0, key, f"{len(b64decode(obj.data[key]))} bytes")


def service_account(writer: Writer, client: Client, obj: Any) -> None:
    """A ServiceAccount."""
    _head(writer, obj)
    writer.field(0, "Image pull secrets", ", ".join(s.name or "" for s in obj.imagePullSecrets) or NONE)
    writer.field(0, "Mountable secrets", ", ".join(s.name or "" for s in obj.secrets) or NONE)
    writer.field(0, "Tokens", NONE)


def anything(writer: Writer, client: Client, obj: Any) -> None:
    """A kind without a description of its own: its fields as a tree, as kubectl describes custom resources."""
    _head(writer, obj)
    writer.field(0, "API Version", obj.apiVersion)
    writer.field(0, "Kind", obj.kind)
    data = to_dict(obj)
    meta = {
        k: v
        for k, v in data["metadata"].items()
        if k not in ("name", "namespace", "labels", "annotations", "managedFields")
    }
    rest = {k: v for k, v in data.items() if k not in ("apiVersion", "kind", "metadata")}
    _tree(writer, {"metadata": meta, **rest}, 0)


def _head(writer: Writer, obj: Any) -> None:
    writer.field(0, "Name", obj.metadata.name)
    if obj.metadata.namespace:
        writer.field(0, "Namespace", obj.metadata.namespace)
    writer.labels(0, "Labels", obj.metadata.labels)
    write_annotations(writer, 0, obj.metadata.annotations)


def _tree(writer: Writer, values: dict[str, Any], level: int) -> None:
    for key in sorted(values):
        _branch(writer, _title(key), values[key], level)


def _branch(writer: Writer, title: str, value: Any, level: int) -> None:
    if isinstance(value, dict):
        writer.line(level, f"{title}:")
        _tree(writer, value, level + 1)
    elif isinstance(value, (list, tuple)):
        writer.line(level, f"{title}:")
        for item in value:
            if isinstance(item, dict):
                _tree(writer, item, level + 1)
            else:
                writer.line(level + 1, str(item))
    else:
        shown = str(value).lower() if isinstance(value, bool) else value
        writer.field(level, title, shown)


def _title(key: str) -> str:
    """``creationTimestamp`` as ``Creation Timestamp``; ``uid`` and the like in capitals."""
    if key in ("uid", "url", "ip", "id"):
        return key.upper()
    out = ""
    for i, c in enumerate(key):
        if c.isupper() and i and not key[i - 1].isupper():
            out += " "
        out += c
    return out[:1].upper() + out[1:]
