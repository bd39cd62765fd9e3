"""Types of metrics.k8s.io/v1beta1: what pods and nodes use, as metrics-server tells it.

The group is not part of the generated schema (it is served by metrics-server, not by kube-apiserver).
"""

from __future__ import annotations

from msgspec import field

from k8snb.api.frozen import EMPTY, always, empty
from k8snb.api.object import Object, Value
from k8snb.api.scalars import Map, Quantity, Time
from k8snb.api.types import meta_v1

API_VERSION = "metrics.k8s.io/v1beta1"


class ContainerMetrics(Value, frozen=True, kw_only=True):
    """What one container uses: ``usage`` has cpu (nanocores, ``n``) and memory (``Ki``)."""

    name: str = ""
    usage: Map[str, Quantity] = EMPTY


class PodMetrics(Object, frozen=True, kw_only=True):
    """What a pod uses: measured at ``timestamp``, over ``window`` (a Go duration) before it."""

    kind: str = field(default_factory=always("PodMetrics"))
    apiVersion: str = field(default_factory=always(API_VERSION))
    metadata: meta_v1.ObjectMeta = field(default_factory=empty(meta_v1.ObjectMeta))
    timestamp: Time | None = None
    window: str = ""
    containers: tuple[ContainerMetrics, ...] = ()


class NodeMetrics(Object, frozen=True, kw_only=True):
    """What a node uses."""

    kind: str = field(default_factory=always("NodeMetrics"))
    apiVersion: str = field(default_factory=always(API_VERSION))
    metadata: meta_v1.ObjectMeta = field(default_factory=empty(meta_v1.ObjectMeta))
    timestamp: Time | None = None
    window: str = ""
    usage: Map[str, Quantity] = EMPTY
