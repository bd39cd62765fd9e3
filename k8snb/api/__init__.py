"""What the objects of a cluster are: generated types, plain-data conversion, the scheme, quantities, selectors, strict
decoding.

Everything here is a value or a pure function; nothing here imports any other part of k8snb.  Names are loaded when
first used, so importing this package costs next to nothing::

    from k8snb.api import Pod, from_dict, to_yaml        # generated types of the common groups, by name
    from k8snb.api.types import core_v1, apps_v1         # all types of a group version
    from k8snb.api import SCHEME, Selector, DecodeError  # and the rest
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from k8snb.api.codec import from_dict, from_json, to_dict, to_json, to_yaml
    from k8snb.api.decode import DecodeError, Document, Problem, decode_body, decode_manifests, decode_object
    from k8snb.api.fields import FieldSelector, FieldSelectorError
    from k8snb.api.frozen import EMPTY, FrozenDict, freeze_json, frozen_map
    from k8snb.api.object import ListObject, Object, Value
    from k8snb.api.quantity import Quantity, QuantityError
    from k8snb.api.schema import FieldPlan, Shape, TypePlan, plan
    from k8snb.api.scheme import SCHEME, Resource, Scheme, Subresource, UnknownKind
    from k8snb.api.selectors import Requirement, Selector, SelectorError
    from k8snb.api.types.apps_v1 import ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet
    from k8snb.api.types.batch_v1 import CronJob, Job
    from k8snb.api.types.coordination_v1 import Lease
    from k8snb.api.types.core_v1 import (
        ConfigMap,
        Container,
        Endpoints,
        Event,
        Namespace,
        Node,
        ObjectReference,
        PersistentVolume,
        PersistentVolumeClaim,
        Pod,
        PodSpec,
        PodTemplateSpec,
        ReplicationController,
        Secret,
        Service,
        ServiceAccount,
    )
    from k8snb.api.types.discovery_v1 import EndpointSlice
    from k8snb.api.types.meta_v1 import DeleteOptions, LabelSelector, ObjectMeta, OwnerReference, Status
    from k8snb.api.unstructured import Unstructured

_HOMES: dict[str, str] = {
    "codec": "from_dict from_json to_dict to_json to_yaml",
    "decode": "DecodeError Document Problem decode_body decode_manifests decode_object",
    "frozen": "EMPTY FrozenDict freeze_json frozen_map",
    "object": "ListObject Object Value",
    "scheme": "SCHEME Resource Scheme Subresource UnknownKind",
    "fields": "FieldSelector FieldSelectorError",
    "quantity": "Quantity QuantityError",
    "selectors": "Requirement Selector SelectorError",
    "schema": "FieldPlan Shape TypePlan plan",
    "types.apps_v1": "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
    "types.batch_v1": "CronJob Job",
    "types.coordination_v1": "Lease",
    "types.core_v1": "ConfigMap Container Endpoints Event Namespace Node ObjectReference PersistentVolume"
    " PersistentVolumeClaim"
    " Pod PodSpec PodTemplateSpec ReplicationController Secret Service ServiceAccount",
    "types.discovery_v1": "EndpointSlice",
    "types.meta_v1": "DeleteOptions LabelSelector ObjectMeta OwnerReference Status",
    "unstructured": "Unstructured",
}
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = [
    "EMPTY",
    "SCHEME",
    "ConfigMap",
    "Container",
    "ControllerRevision",
    "CronJob",
    "DaemonSet",
    "DecodeError",
    "DeleteOptions",
    "Deployment",
    "Document",
    "EndpointSlice",
    "Endpoints",
    "Event",
    "FieldPlan",
    "FieldSelector",
    "FieldSelectorError",
    "FrozenDict",
    "Job",
    "LabelSelector",
    "Lease",
    "ListObject",
    "Namespace",
    "Node",
    "Object",
    "ObjectMeta",
    "ObjectReference",
    "OwnerReference",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Pod",
    "PodSpec",
    "PodTemplateSpec",
    "Problem",
    "Quantity",
    "QuantityError",
    "ReplicaSet",
    "ReplicationController",
    "Requirement",
    "Resource",
    "Scheme",
    "Secret",
    "Selector",
    "SelectorError",
    "Service",
    "ServiceAccount",
    "Shape",
    "StatefulSet",
    "Status",
    "Subresource",
    "TypePlan",
    "UnknownKind",
    "Unstructured",
    "Value",
    "decode_body",
    "decode_manifests",
    "decode_object",
    "freeze_json",
    "from_dict",
    "from_json",
    "frozen_map",
    "plan",
    "to_dict",
    "to_json",
    "to_yaml",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'k8snb.api' has no attribute {name!r}")
    value = getattr(import_module(f"k8snb.api.{home}"), name)
    globals()[name] = value
    return value
