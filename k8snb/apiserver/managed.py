"""`metadata.managedFields`: who manages which field of an object, found from its history when somebody asks.

Plain writes do not pay for it. Every revision of an object knows who wrote it and how (`verb`), so the entries are
computed by replaying the changes, from the last revision at which they were stored (`materialised`: after a
server-side apply, or when a client set them) or else from the object's creation. What compaction dropped cannot be
replayed: then everything in the oldest kept version counts as written by `unknown`.

The API server records `verb(request)` in the cause of a write; `ManagedFields` answers questions; `incoming` treats
managedFields that a client sent.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from k8snb.api.codec import from_dict, to_dict
from k8snb.api.object import Object
from k8snb.api.request import APPLY_PATCH, Request
from k8snb.api.schema import type_named
from k8snb.api.types.meta_v1 import ManagedFieldsEntry, ObjectMeta
from k8snb.api.unstructured import Unstructured
from k8snb.apiserver.conversion import CONVERSIONS
from k8snb.apiserver.patch.apply import fieldset, managers, schema, server_fields, updater
from k8snb.apiserver.patch.apply.fieldset import FieldSet
from k8snb.apiserver.patch.apply.managers import APPLY, UPDATE, Managed, Manager, Owned
from k8snb.apiserver.patch.apply.updater import Scope
from k8snb.apiserver.patch.tree import Tree
from k8snb.sim.clock import rfc3339
from k8snb.store import KeyValue, Store

_REMEMBERED = 256
"""Objects whose entries are kept for the next question."""
_SHARED = 256
"""Sets of fields of created objects that are kept for others like them."""
FORGOTTEN = "unknown"
"""The manager of what was written before the kept history."""
_UNTRACKED = frozenset({"delete", "deletecollection"})
_UNTRACKED_SUBRESOURCES = frozenset({"binding", "eviction", "finalize", "token"})

CustomSchema = Callable[[str, str], "Mapping[str, Any] | None"]
"""The openAPIV3Schema of a custom resource by API version and kind."""


class Write(NamedTuple):
    """How an object was written: the API verb ("apply" for server-side apply), and who is to be named as manager."""

    verb: str
    subresource: str
    manager: str
    version: str


def manager_name(request: Request) -> str:
    """The field manager of a request: the option, or the user agent up to its first slash (at most 128 bytes)."""
    if request.options.field_manager:
        return request.options.field_manager
    agent = (request.user_agent or request.actor).partition("/")[0]
    name = "".join(char for char in agent if char.isprintable())
    return name.encode()[:128].decode(errors="ignore")


def verb(request: Request) -> str:
    """What the cause of a write records: `patch`, `update/status`, `apply@kubectl`, `patch/scale@me`.

    `@manager` is left out when it is the actor's name up to its first slash; `!version` is added for objects written
    through another version than the stored one.
    """
    text = "apply" if request.verb == "patch" and request.content_type == APPLY_PATCH else request.verb
    if request.subresource:
        text = f"{text}/{request.subresource}"
    resource = request.resource
    if (_api_version(resource), resource.kind) in CONVERSIONS:
        text = f"{text}!{_api_version(resource)}"
    manager = manager_name(request)
    actor = (request.actor or request.who).partition("/")[0]
    return text if manager == actor else f"{text}@{manager}"


def _api_version(resource: Any) -> str:
    return f"{resource.group}/{resource.version}" if resource.group else str(resource.version)


def parse_verb(text: str, actor: str) -> Write:
    """The parts of a recorded verb."""
    text, _, manager = text.partition("@")
    text, _, version = text.partition("!")
    name, _, subresource = text.partition("/")
    return Write(name, subresource, manager or actor.partition("/")[0], version)


class ManagedFields:
    """Answers who manages the fields of stored objects; forgets nothing that it cannot compute again."""

    def __init__(self, store: Store, custom_schema: CustomSchema | None = None) -> None:
        self._store = store
        self._custom_schema = custom_schema
        self._known: dict[tuple[str, int], Managed] = {}
        self._alike: dict[Hashable, FieldSet] = {}

    def of(self, stored: KeyValue) -> Managed:
        """Who manages what at this version of the object."""
        steps: list[KeyValue] = []
        version: KeyValue | None = stored
        managed: Managed = {}
        while version is not None:
            known = self._known.get((version.key, version.mod_revision))
            if known is None:
                known = self._base(version)
            if known is not None:
                managed = known
                break
            steps.append(version)
            version = self._previous(version)
        while steps:
            step = steps.pop()
            managed = self._after(step, managed)
            if not steps:
                self._remember(step, managed)
        return managed

    def entries(self, stored: KeyValue) -> list[dict[str, Any]]:
        """The same as the API writes it."""
        return managers.encode(self.of(stored))

    def shown(self, stored: KeyValue, obj: Object | None = None) -> Any:
        """The object (as `obj` when it is shown in another version) with its managedFields, as clients read it."""
        return with_entries(stored.value if obj is None else obj, self.of(stored))

    def scope(self, obj: Any, subresource: str = "", version: str = "") -> Scope:
        """What server-side apply must know of an object's kind in one API version."""
        api_version = version or obj.apiVersion
        kind = obj.kind
        node = self.node(api_version, kind)
        custom = isinstance(obj, Unstructured)
        has_status = custom or (obj is not None and "status" in obj.__struct_fields__)
        ignored = server_fields.reset(kind, subresource, has_status, custom)
        return Scope(api_version, node, ignored, self._converter(api_version, kind))

    def node(self, api_version: str, kind: str) -> schema.Node:
        """The apply schema of a kind."""
        found = type_named(api_version, kind)
        if found is not None:
            return schema.of_type(found)
        custom = self._custom_schema(api_version, kind) if self._custom_schema is not None else None
        return schema.of_custom(custom, ObjectMeta)

    def _converter(self, version: str, kind: str) -> updater.Converter:
        def convert(tree: Tree, target: str) -> tuple[Tree, schema.Node] | None:
            if type_named(target, kind) is None:
                return (tree, self.node(target, kind)) if type_named(version, kind) is None else None
            obj: Any = from_dict(type_named(version, kind), tree)
            here, there = CONVERSIONS.get((version, kind)), CONVERSIONS.get((target, kind))
            if here is not None:
                obj = here.to_stored(obj)
            if there is not None:
                obj = there.from_stored(obj)
            return (without_entries(to_dict(obj)), self.node(target, kind)) if obj.apiVersion == target else None

        return convert

    def _previous(self, version: KeyValue) -> KeyValue | None:
        if version.version <= 1:
            return None
        try:
            return self._store.change(version.mod_revision, version.key).previous
        except LookupError:
            return None

    def _base(self, version: KeyValue) -> Managed | None:
        """The entries stored with this version, if they were up to date then."""
        stored = version.value.metadata.managedFields
        if not stored:
            return None
        previous = self._previous(version)
        if previous is not None and stored == previous.value.metadata.managedFields:
            cause = self._store.change(version.mod_revision, version.key).cause
            if parse_verb(cause.verb, cause.actor).verb != "apply":
                return None
        return decode(stored)

    def _after(self, version: KeyValue, managed: Managed) -> Managed:
        """Who manages what once this version was written."""
        previous = self._previous(version)
        try:
            change = self._store.change(version.mod_revision, version.key)
        except LookupError:
            cause, time = None, 0.0
        else:
            cause, time = change.cause, change.time
        write = parse_verb(cause.verb, cause.actor) if cause is not None else Write("", "", FORGOTTEN, "")
        if write.verb in _UNTRACKED or write.subresource in _UNTRACKED_SUBRESOURCES:
            return managed
        new = version.value
        old = previous.value if previous is not None else None
        api_version = write.version or new.apiVersion
        if api_version != new.apiVersion:
            conversion = CONVERSIONS[(api_version, new.kind)]
            new = conversion.from_stored(new)
            old = conversion.from_stored(old) if old is not None else None
        who = managers.manager(write.manager, UPDATE, api_version, write.subresource)
        if old is None and not managed:
            fields = self._created(new, who)
            return {who: Owned(fields, api_version, False, rfc3339(time))} if fields else {}
        before, after = changed_parts(old, new)
        scope = self.scope(new, write.subresource, api_version)
        if old is None:
            scope = scope._replace(ignored=_both(scope.ignored, server_fields.added(new.kind, after)))
        return updater.update(scope, before, after, managed, who, rfc3339(time), created=old is None)

    def _created(self, new: Any, who: Manager) -> FieldSet:
        """What the creator of an object manages; found once for all that differ only in what nobody manages."""
        like = _likeness(new, who)
        try:
            found = self._alike.get(like) if like is not None else None
        except TypeError:  # something in the object has no hash
            found = like = None
        if found is None:
            before, after = changed_parts(None, new)
            scope = self.scope(new, who.subresource, who.version)
            scope = scope._replace(ignored=_both(scope.ignored, server_fields.added(new.kind, after)))
            managed = updater.update(scope, before, after, {}, who, "", created=True)
            found = fieldset.frozen(managed[who].fields) if managed else {}
            if like is not None:
                if len(self._alike) >= _SHARED:
                    del self._alike[next(iter(self._alike))]
                self._alike[like] = found
        return found

    def _remember(self, version: KeyValue, managed: Managed) -> None:
        if len(self._known) >= _REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[(version.key, version.mod_revision)] = managed


def _likeness(new: Any, who: Manager) -> Hashable | None:
    """What decides which fields of a new object its creator manages, as a key; None when there is no saying.

    Everything but the metadata that nobody manages. Custom resources have none: their schema may change, and their
    values compare more loosely (1, 1.0 and true) than path elements do.
    """
    if isinstance(new, Unstructured):
        return None
    kind = type(new)
    parts = _PARTS.get(kind)
    if parts is None:
        names = [name for name in new.__struct_fields__ if name != "metadata"]
        parts = _PARTS[kind] = attrgetter("kind", *names)  # two names at least, so that it gives a tuple
    return (who, kind, parts(new), _METADATA(new.metadata))


_PARTS: dict[type[Any], Callable[[Any], Any]] = {}
_METADATA = attrgetter(
    *(name for name in ObjectMeta.__struct_fields__ if not fieldset.has(managers.UNMANAGED_METADATA, f"f:{name}"))
)


def _both(one: FieldSet, two: FieldSet) -> FieldSet:
    return fieldset.union(one, two) if two else one


def empty_tree(obj: Any) -> Tree:
    """An object of the same kind with nothing set, as upstream compares a new object with."""
    if isinstance(obj, Unstructured):
        return {"apiVersion": obj.apiVersion, "kind": obj.kind}
    return to_dict(type(obj)())


def changed_parts(old: Any, new: Any) -> tuple[Tree, Tree]:
    """Both objects as trees, without the top-level fields in which they agree and without managedFields."""
    if old is None:
        return empty_tree(new), without_entries(to_dict(new))
    if isinstance(new, Unstructured):
        return without_entries(to_dict(old)), without_entries(to_dict(new))
    names = [
        name
        for name in new.__struct_fields__
        if getattr(old, name) is not getattr(new, name) and getattr(old, name) != getattr(new, name)
    ]
    kind = type(new)
    return (
        without_entries(to_dict(kind(**{name: getattr(old, name) for name in names}))),
        without_entries(to_dict(kind(**{name: getattr(new, name) for name in names}))),
    )


def without_entries(tree: Tree) -> Tree:
    """A tree of its own with managedFields taken out (`tree` is changed)."""
    metadata = tree.get("metadata")
    if metadata:
        metadata.pop("managedFields", None)
    return tree


def decode(entries: Any) -> Managed:
    """Entries (typed or plain) as a value; the reset marker and what cannot be understood are nobody."""
    rows = [row if isinstance(row, Mapping) else msgspec.to_builtins(row) for row in entries]
    if managers.is_reset(rows):
        return {}
    return managers.decode(rows) or {}


def with_entries(obj: Any, managed: Managed) -> Any:
    """The object with these managedFields."""
    entries = tuple(_typed(entry) for entry in managers.encode(managed))
    if obj.metadata.managedFields == entries:
        return obj
    return replace(obj, metadata=replace(obj.metadata, managedFields=entries))


def _typed(entry: Mapping[str, Any]) -> ManagedFieldsEntry:
    fields = {**entry, "fieldsV1": fieldset.frozen(entry["fieldsV1"])}
    return ManagedFieldsEntry(**fields)


_RESET_MARKER = (ManagedFieldsEntry(),)
"""Stored after a client cleared managedFields: nobody is tracked until the next apply."""


def incoming(
    new: Any, current: Any, live: Callable[[], Managed], request: Request, fields: ManagedFields, now: str
) -> Any:
    """The object of an update with its managedFields settled: the stored ones unless the client really changed them.

    `current` is the stored object in the request's version; `live` says who manages it now. A client that sends back
    what it read changes nothing; `[{}]` clears the tracking; other entries are taken over and this very write is added.
    """
    sent = new.metadata.managedFields
    kept = current.metadata.managedFields
    if sent is kept or not sent or sent == kept or request.subresource:
        return new if sent is kept else _keep(new, kept)
    if len(sent) == 1 and sent[0] == _RESET_MARKER[0]:
        return _keep(new, _RESET_MARKER)
    wanted = decode(sent)
    if not wanted or managers.encode(wanted) == managers.encode(live()):
        return _keep(new, kept)
    before, after = changed_parts(current, new)
    who = managers.manager(manager_name(request), UPDATE, new.apiVersion)
    managed = updater.update(fields.scope(new), before, after, wanted, who, now, created=False)
    return with_entries(new, managed)


def _keep(new: Any, entries: Any) -> Any:
    if new.metadata.managedFields == entries:
        return new
    return replace(new, metadata=replace(new.metadata, managedFields=entries))


def applier(request: Request, api_version: str) -> managers.Manager:
    """The manager of a server-side apply."""
    return managers.manager(manager_name(request), APPLY, api_version, request.subresource)
