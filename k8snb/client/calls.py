"""What a component asks of the API server: one value per call, yielded by ``reconcile`` and performed by the runtime.

A call names everything the request needs and nothing of how it is sent. Calls marked ``background`` (heartbeats, events)
are performed but are not a step of their own. ``why`` is a short machine-readable reason that ends up in the cause of the
revision, e.g. ``"scale-up"``; explanations translate it.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from k8snb.api.errors import APIError
from k8snb.api.object import Object
from k8snb.api.scheme import Resource
from k8snb.api.types.autoscaling_v1 import Scale
from k8snb.api.types.core_v1 import Pod
from k8snb.api.unstructured import Unstructured


class Call(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What all calls share."""

    background: bool = False
    why: str = ""


class CustomKind(msgspec.Struct, frozen=True, gc=False):
    """A kind that has no type of its own: what calls about custom resources name."""

    api_version: str
    kind: str

    @property
    def __name__(self) -> str:
        """The kind, as types of objects have it."""
        return self.kind


Kind: TypeAlias = "type[Object] | CustomKind"
"""What a call can be about: a type of objects or a custom kind."""


def kind_of(what: Object | Resource) -> Kind:
    """The kind of an object or of a resource's objects."""
    if isinstance(what, Resource):
        return what.type if not issubclass(what.type, Unstructured) else CustomKind(what.api_version, what.kind)
    return CustomKind(what.apiVersion, what.kind) if isinstance(what, Unstructured) else type(what)


class Create(Call, frozen=True, gc=False):
    """POST the object to its collection; the outcome is the stored object."""

    obj: Object


class Update(Call, frozen=True, gc=False):
    """PUT the object (its ``resourceVersion``, when set, must be current); the outcome is the stored object."""

    obj: Object


class UpdateStatus(Call, frozen=True, gc=False):
    """PUT the object's ``status`` subresource; the outcome is the stored object."""

    obj: Object


class Patch(Call, frozen=True, gc=False):
    """PATCH an object with a JSON-able body; ``manager`` and ``force`` are for server-side apply."""

    kind: Kind
    namespace: str
    name: str
    body: Any
    patch_type: str = "application/merge-patch+json"
    subresource: str = ""
    manager: str = ""
    force: bool | None = None


class Delete(Call, frozen=True, gc=False):
    """DELETE an object, optionally only when uid and resourceVersion are the expected ones.

    ``propagation`` is Background, Foreground or Orphan; ``grace`` the grace period in seconds.
    """

    kind: Kind
    namespace: str
    name: str
    uid: str | None = None
    resource_version: str | None = None
    propagation: str | None = None
    grace: int | None = None


class Bind(Call, frozen=True, gc=False):
    """POST pods/NAME/binding: place the pod on the node."""

    pod: Pod
    node: str


class Evict(Call, frozen=True, gc=False):
    """POST pods/NAME/eviction: a deletion that PodDisruptionBudgets may refuse."""

    pod: Pod


class PodMetricsOf(Call, frozen=True, gc=False):
    """What the pods of a namespace use, from metrics.k8s.io; the outcome is a tuple of PodMetrics."""

    namespace: str


class GetScale(Call, frozen=True, gc=False):
    """Read the scale subresource of an object of any kind; the outcome is an autoscaling/v1 Scale.

    Kinds without that subresource and kinds that are not served are errors of reason NotFound: the first ones with the
    router's message and the resource as ``details.kind``, the others without details.
    """

    api_version: str
    kind: str
    namespace: str
    name: str


class UpdateScale(Call, frozen=True, gc=False):
    """PUT the scale subresource of an object of any kind; the outcome is the new Scale."""

    api_version: str
    kind: str
    scale: Scale


class Get(Call, frozen=True, gc=False):
    """A live read of one object; the outcome is the object or a NotFound error."""

    kind: Kind
    namespace: str
    name: str


class ListAll(Call, frozen=True, gc=False):
    """A live list (all namespaces when ``namespace`` is empty); the outcome is a tuple of objects."""

    kind: Kind
    namespace: str = ""


class Finalize(Call, frozen=True, gc=False):
    """PUT namespaces/NAME/finalize: drop or set the namespace's ``spec.finalizers``."""

    obj: Object


class Emit(Call, frozen=True, gc=False):
    """Record an event about an object: ``type`` is Normal or Warning.

    With an ``action`` it is an event of the newer events.k8s.io recorder (kube-scheduler), else of the older one.
    ``field_path`` names a part of the object, e.g. ``spec.containers{web}``.
    """

    regarding: Object
    type: str
    reason: str
    message: str
    component: str = ""
    host: str = ""
    action: str = ""
    field_path: str = ""


class TendEvents(Call, frozen=True, gc=False):
    """Write what has become of the actor's event series; the outcome is None (``k8snb.client.series``)."""


Outcome: TypeAlias = "Object | tuple[Object, ...] | APIError | None"
