"""What a kind decides about its own objects: defaults, preparation, validation, deletion, allocation.

The registry (`k8snb.apiserver.registry`) knows no kind; it asks the kind's `Strategy` at the places where
Kubernetes' generic registry asks its `rest.RESTCreateStrategy`, `RESTUpdateStrategy` and `RESTDeleteStrategy`.
`Strategy` itself is neutral, so a kind without a file of its own is stored and served.

Every hook takes immutable objects and returns a new one (or the same one when nothing changes).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from msgspec.structs import replace

from k8snb.api.frozen import FrozenDict
from k8snb.api.unstructured import Unstructured

if TYPE_CHECKING:
    from k8snb.api.object import Object
    from k8snb.api.request import Request
    from k8snb.api.scheme import Resource
    from k8snb.apiserver.validation.field import FieldError


class Reader(Protocol):
    """Live reads of stored objects, for hooks that must look at others (names, allocations, quotas)."""

    def get(self, kind: str, namespace: str, name: str) -> Any:
        """The object or None; `kind` is any name that the scheme resolves, e.g. "namespaces"."""

    def list(self, kind: str, namespace: str = "") -> list[Any]:
        """The objects of one namespace, or of all, in key order."""


class Chance(Protocol):
    """The seeded source of names and numbers (`k8snb.sim.ids.Ids`)."""

    def uid(self) -> str: ...

    def suffix(self, length: int = 5) -> str: ...

    def number(self, n: int) -> int: ...


class Context(Protocol):
    """What a hook may know of the request being served."""

    @property
    def request(self) -> Request: ...

    @property
    def now(self) -> str:
        """The server's time, RFC 3339, whole seconds."""

    @property
    def time(self) -> float:
        """The server's time in seconds since the simulated epoch."""

    @property
    def ids(self) -> Chance: ...

    @property
    def reader(self) -> Reader: ...

    def warn(self, text: str) -> None:
        """Add a Warning header to the answer."""


class Strategy:
    """Neutral behaviour for one kind; subclasses override what their kind does differently.

    Class facts, with the value that most kinds have:
    `allow_create_on_update`: a PUT of a missing object creates it.
    `allow_unconditional_update`: a PUT without resourceVersion overwrites.
    `has_status`: the kind has a `status` that only its status subresource may change.
    `tracks_generation`: `metadata.generation` starts at 1 and grows with every change outside metadata and status.
    `orphan_by_default`: deleting orphans dependents unless told otherwise (Jobs and ReplicationControllers).
    `orphan_warning`: the warning for a deletion that says nothing of the dependents of such a kind.
    `serves`: the (apiVersion, kind) pairs that the class is for.
    """

    serves: tuple[tuple[str, str], ...] = ()
    allow_create_on_update = False
    allow_unconditional_update = True
    has_status = False
    tracks_generation = False
    orphan_by_default = False
    orphan_warning = ""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource

    def __deepcopy__(self, memo: object) -> Strategy:
        return self

    def default(self, obj: Any) -> Any:
        """Fill absent fields; pure and idempotent. Runs after decoding, before admission."""
        return obj

    def prepare_for_create(self, obj: Any, ctx: Context) -> Any:
        """Drop what a client may not set (status) and start the generation at 1; called with name, uid, time set."""
        if self.has_status:
            obj = _with_status(obj, _empty_status(obj))
        if self.tracks_generation:
            obj = replace(obj, metadata=replace(obj.metadata, generation=1))
        return obj

    def prepare_for_update(self, new: Any, old: Any, ctx: Context) -> Any:
        """Keep the stored status; raise the generation when anything but metadata and status changed."""
        if self.has_status:
            new = _with_status(new, _status(old))
        if self.tracks_generation and self.spec_changed(new, old):
            new = replace(new, metadata=replace(new.metadata, generation=(old.metadata.generation or 0) + 1))
        return new

    def spec_changed(self, new: Any, old: Any) -> bool:
        """Whether a change calls for a new generation; by default any field but metadata and status."""
        if isinstance(new, Unstructured):
            return _rest(new) != _rest(old)
        return any(
            getattr(new, name) != getattr(old, name)
            for name in new.__struct_fields__
            if name not in ("kind", "apiVersion", "metadata", "status")
        )

    def prepare_for_status_update(self, new: Any, old: Any, ctx: Context) -> Any:
        """Keep all but status (and metadata) as stored."""
        if isinstance(new, Unstructured):
            return replace(_with_status(old, _status(new)), metadata=new.metadata)
        changes = {
            name: getattr(old, name)
            for name in new.__struct_fields__
            if name not in ("kind", "apiVersion", "metadata", "status") and getattr(new, name) is not getattr(old, name)
        }
        return replace(new, **changes) if changes else new

    def validate(self, obj: Any, ctx: Context) -> list[FieldError]:
        """All problems of a new object, metadata (with the kind's own name rule) included, in upstream's order."""
        return []

    def validate_update(self, new: Any, old: Any, ctx: Context) -> list[FieldError]:
        """All problems of a changed object, immutable fields included; the core adds the generic metadata checks."""
        return []

    def validate_status_update(self, new: Any, old: Any, ctx: Context) -> list[FieldError]:
        """All problems of a changed status."""
        return []

    def prepare_for_subresource(self, name: str, new: Any, old: Any, ctx: Context) -> Any:
        """Keep what the subresource `name` (finalize, resize, ephemeralcontainers, approval) may not change."""
        return new

    def validate_subresource(self, name: str, new: Any, old: Any, ctx: Context) -> list[FieldError]:
        """All problems of a change made through the subresource `name`."""
        return []

    def warnings(self, obj: Any, old: Any = None) -> tuple[str, ...]:
        """Texts for Warning headers on create (`old` None) and update."""
        return ()

    def canonicalize(self, obj: Any) -> Any:
        """Bring a valid object into the form that is stored."""
        return obj

    def grace_period(self, obj: Any, requested: int | None, ctx: Context) -> int | None:
        """Seconds of graceful deletion, or None when the kind is deleted at once (all but pods)."""
        return None

    def begin_create(self, obj: Any, ctx: Context) -> Any:
        """Claim cluster-wide resources (addresses, ports); before preparation and validation, as upstream."""
        return obj

    def begin_update(self, new: Any, old: Any, ctx: Context) -> Any:
        """The same for a change."""
        return new

    def after_delete(self, obj: Any, ctx: Context) -> None:
        """Give back what `begin_create` claimed; the object has just been removed."""

    def decorate(self, obj: Any) -> Any:
        """Change an object on its way out to a reader only."""
        return obj


def _status(obj: Any) -> Any:
    return obj.content.get("status") if isinstance(obj, Unstructured) else obj.status


def _with_status(obj: Any, status: Any) -> Any:
    """The object with another status; None takes it away from an object without a generated type."""
    if not isinstance(obj, Unstructured):
        return obj if obj.status is status or obj.status == status else replace(obj, status=status)
    if obj.content.get("status") == status:
        return obj
    content = _rest(obj) if status is None else {**_rest(obj), "status": status}
    return replace(obj, content=FrozenDict(content))


def _rest(obj: Unstructured) -> dict[str, Any]:
    return {key: item for key, item in obj.content.items() if key != "status"}


def _empty_status(obj: Object) -> Any:
    """The status of a freshly made object of the same type (None where it is optional or the type is not known)."""
    if isinstance(obj, Unstructured):
        return None
    return _EMPTY.get(type(obj)) or _remember(type(obj))


_EMPTY: dict[type, Any] = {}


def _remember(kind: type) -> Any:
    status = _EMPTY[kind] = kind().status
    return status
