"""``kubectl describe``: an object, what belongs to it, and its events, in kubectl's own layout.

Kinds in ``DESCRIBERS`` have upstream's describer; all others are told as the tree that kubectl prints for custom resources.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from k8snb.kubectl.client import Client
from k8snb.kubectl.describe import cluster, services, workloads
from k8snb.kubectl.describe.events import events
from k8snb.kubectl.describe.text import Writer

Describer = Callable[[Writer, Client, Any], None]
DESCRIBERS: dict[tuple[str, str], Describer] = {
    ("", "Pod"): workloads.pod,
    ("", "ReplicationController"): workloads.replicas,
    ("apps", "ReplicaSet"): workloads.replicas,
    ("apps", "Deployment"): workloads.deployment,
    ("", "Service"): services.service,
    ("discovery.k8s.io", "EndpointSlice"): services.endpoint_slice,
    ("", "Node"): cluster.node,
    ("", "Namespace"): cluster.namespace,
    ("", "ConfigMap"): cluster.config_map,
    ("", "Secret"): cluster.secret,
    ("", "ServiceAccount"): cluster.service_account,
}
"""By API group and kind."""
WITHOUT_EVENTS = frozenset({"Namespace", "Secret"})

__all__ = ["DESCRIBERS", "describe"]


def describe(client: Client, obj: Any, show_events: bool = True) -> str:
    """The description of an object that was read."""
    writer = Writer()
    group = obj.apiVersion.rpartition("/")[0]
    DESCRIBERS.get((group, obj.kind), cluster.anything)(writer, client, obj)
    if show_events and obj.kind not in WITHOUT_EVENTS:
        events(writer, client, obj)
    return writer.text()
