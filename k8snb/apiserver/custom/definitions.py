"""CustomResourceDefinitions at work: what they define is served, and what they no longer define is gone.

Plays the part of the controllers inside the real server: names are accepted (or in conflict), the definition is
established, and deleting it deletes its objects first. Objects are stored as they were written; conversion between
several versions changes `apiVersion` only (strategy None); conversion webhooks are not called.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from k8snb.api import errors
from k8snb.api.codec import to_dict
from k8snb.api.custom import custom_resource, has_condition
from k8snb.api.types.apiextensions_v1 import CustomResourceDefinitionCondition
from k8snb.apiserver.conversion import Conversion
from k8snb.apiserver.custom.strategy import CustomStrategy
from k8snb.apiserver.registry.create import stamp
from k8snb.sim.clock import rfc3339
from k8snb.store import Cause

if TYPE_CHECKING:
    from collections.abc import Mapping

    from k8snb.api.scheme import Resource
    from k8snb.api.types.apiextensions_v1 import CustomResourceDefinition, CustomResourceDefinitionVersion
    from k8snb.apiserver.server import APIServer
    from k8snb.store import Change

PREFIX = "/registry/apiextensions.k8s.io/customresourcedefinitions/"
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
TERMINATING = "Terminating"
_DELETING, _DELETED = "InstanceDeletionInProgress", "InstanceDeletionCompleted"
_CAUSE = "kube-apiserver"
_NO_SCHEMA: dict[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


class Definitions:
    """Keeps a server's scheme in step with the definitions in its store."""

    def __init__(self, server: APIServer) -> None:
        self._server = server
        self._base = server.scheme
        self._versions: dict[Resource, CustomResourceDefinitionVersion] = {}
        self._schemas: dict[Resource, Mapping[str, Any]] = {}
        self._stored: dict[Resource, str] = {}
        self._going: dict[str, str] = {}
        server.store.subscribe(self.changed)
        if server.store.list(PREFIX, limit=1).items:
            self._learn()

    def changed(self, change: Change) -> None:
        """React to a definition that came, changed or went."""
        if not change.key.startswith(PREFIX):
            if self._going and change.value is None:
                self._gone(change)
            return
        definition: CustomResourceDefinition | None = change.value
        if definition is None:
            self._learn()
            return
        if definition.metadata.deletionTimestamp is not None:
            if CLEANUP in definition.metadata.finalizers:
                self._clean(change)
            return
        if not has_condition(definition, "Established"):
            self._establish(change)
        elif (
            change.previous is None
            or change.previous.value.spec != definition.spec
            or not has_condition(change.previous.value, "Established")
        ):
            self._learn()

    def strategy(self, resource: Resource) -> CustomStrategy:
        """The strategy of one version of a custom resource."""
        version = self._versions[resource]
        subresources = version.subresources
        return CustomStrategy(
            resource, self._schemas[resource], subresources is not None and subresources.status is not None
        )

    def schema(self, resource: Resource) -> Mapping[str, Any]:
        """The openAPIV3Schema of one version, as a plain dict."""
        return self._schemas[resource]

    def schema_of(self, api_version: str, kind: str) -> Mapping[str, Any] | None:
        """The same by API version and kind; None when it is not a custom resource."""
        found = self._server.scheme.find(api_version, kind)
        return self._schemas.get(found) if found is not None else None

    def columns(self, resource: Resource) -> list[dict[str, Any]]:
        """The additional printer columns of one version."""
        return [to_dict(column) for column in self._versions[resource].additionalPrinterColumns]

    def selectable(self, resource: Resource) -> tuple[str, ...]:
        """The fields that field selectors may name, besides name and namespace."""
        return tuple(item.jsonPath.removeprefix(".") for item in self._versions[resource].selectableFields)

    def conversion(self, resource: Resource) -> Conversion | None:
        """How objects of this version differ from stored ones: only in their apiVersion, if at all."""
        stored = self._stored[resource]
        if stored == resource.api_version:
            return None
        served = resource.api_version
        return Conversion(
            (stored, resource.kind),
            lambda obj: replace(obj, apiVersion=stored),
            lambda obj: replace(obj, apiVersion=served),
        )

    def check_create(self, resource: Resource) -> None:
        """Refuse new objects of a definition that is going; ``APIError`` 405."""
        stored = self._server.store.get(f"{PREFIX}{resource.plural}.{resource.group}")
        if stored is not None and has_condition(stored.value, TERMINATING):
            refusal = errors.method_not_supported(resource.plural, "create", resource.group)
            message = "create not allowed while custom resource definition is terminating"
            raise errors.APIError(refusal.code, refusal.reason, message, refusal.details)

    def scale(self, resource: Resource) -> Any:
        """The paths of the scale subresource, or None."""
        subresources = self._versions[resource].subresources
        return subresources.scale if subresources is not None else None

    def _learn(self) -> None:
        """Build the scheme anew from the definitions that are established."""
        self._versions.clear()
        self._schemas.clear()
        self._stored.clear()
        found: list[Resource] = []
        for item in self._server.store.list(PREFIX).items:
            definition: CustomResourceDefinition = item.value
            if not definition.spec.versions or not has_condition(definition, "Established"):
                continue
            storage = next((v.name for v in definition.spec.versions if v.storage), definition.spec.versions[0].name)
            for version in definition.spec.versions:
                if version.served:
                    resource = custom_resource(definition, version)
                    self._versions[resource] = version
                    self._stored[resource] = f"{definition.spec.group}/{storage}"
                    schema = version.schema.openAPIV3Schema if version.schema is not None else None
                    self._schemas[resource] = to_dict(schema) if schema is not None else _NO_SCHEMA
                    found.append(resource)
        self._server.learn(self._base.register(*found) if found else self._base)

    def _establish(self, change: Change) -> None:
        """Accept the names unless somebody has them, then establish; two revisions, as by the real controllers."""
        definition: CustomResourceDefinition = change.value
        now = rfc3339(self._server.clock.now)
        taken = self._conflict(definition)
        if taken:
            refused = (
                _made("NamesAccepted", "False", now, taken[0], taken[1]),
                _made("Established", "False", now, "NotAccepted", "not all names are accepted"),
            )
            if definition.status.conditions:
                return
            self._write(change, replace(definition, status=replace(definition.status, conditions=refused)))
            return
        accepted = _made("NamesAccepted", "True", now, "NoConflicts", "no conflicts found")
        if not has_condition(definition, "NamesAccepted"):
            installing = _made("Established", "False", now, "Installing", "the initial names have been accepted")
            names = definition.spec.names
            status = replace(definition.status, conditions=(accepted, installing), acceptedNames=names)
            self._write(change, replace(definition, status=status))
            return
        conditions = (
            *(item for item in definition.status.conditions if item.type != "Established"),
            _made("Established", "True", now, "InitialNamesAccepted", "the initial names have been accepted"),
        )
        self._write(change, replace(definition, status=replace(definition.status, conditions=conditions)))

    def _conflict(self, definition: CustomResourceDefinition) -> tuple[str, str] | None:
        """(reason, message) when a name is in use by another resource of the group."""
        names = definition.spec.names
        others = [
            item.value
            for item in self._server.store.list(PREFIX).items
            if item.value.spec.group == definition.spec.group
            and item.value.metadata.name != definition.metadata.name
            and has_condition(item.value, "NamesAccepted")
        ]
        used: set[str] = set()
        kinds: set[str] = set()
        for other in others:
            accepted = other.status.acceptedNames
            used |= {accepted.plural, accepted.singular or "", *accepted.shortNames}
            kinds |= {accepted.kind, accepted.listKind or ""}
        for reason, name in (("PluralConflict", names.plural), ("SingularConflict", names.singular or "")):
            if name and name in used:
                return reason, f'"{name}" is already in use'
        for name in names.shortNames:
            if name in used:
                return "ShortNamesConflict", f'"{name}" is already in use'
        for reason, name in (("KindConflict", names.kind), ("ListKindConflict", names.listKind or "")):
            if name and name in kinds:
                return reason, f'"{name}" is already in use'
        return None

    def _clean(self, change: Change) -> None:
        """Delete the objects of a definition that is going, and then the definition."""
        definition: CustomResourceDefinition = change.value
        spec = definition.spec
        store = self._server.store
        prefix = f"/registry/{spec.group}/{spec.names.plural}/"
        cause = Cause(_CAUSE, "delete", (change.revision,), change.key, "cleanup")
        if not _has_reason(definition, _DELETING):
            deleting = self._with_terminating(definition, "True", _DELETING, "CustomResource deletion is in progress")
            self._write(change, deleting)  # the rest follows when this change is heard of
            return
        held = False
        self._going.pop(prefix, None)
        for item in store.list(prefix).items:
            obj = item.value
            if obj.metadata.finalizers:
                held = True
                if obj.metadata.deletionTimestamp is None:
                    now = rfc3339(self._server.clock.now)
                    meta = replace(obj.metadata, deletionTimestamp=now, deletionGracePeriodSeconds=0)
                    store.put(item.key, partial(stamp, replace(obj, metadata=meta)), item.mod_revision, cause)
            else:
                store.delete(item.key, item.mod_revision, cause)
        if held:
            self._going[prefix] = change.key
        else:
            self._release(change.key, cause)

    def _gone(self, change: Change) -> None:
        """An object of a definition that is going has gone: the last one takes the definition with it."""
        for prefix, key in list(self._going.items()):
            if change.key.startswith(prefix) and not self._server.store.list(prefix, limit=1).items:
                del self._going[prefix]
                self._release(key, Cause(_CAUSE, "delete", (change.revision,), key, "cleanup"))

    def _release(self, key: str, cause: Cause) -> None:
        """A definition without objects goes, or waits for those who hold it by other finalizers."""
        store = self._server.store
        current = store.get(key)
        if current is None:
            return
        finished = self._with_terminating(current.value, "False", _DELETED, "removed all instances")
        current = store.put(key, partial(stamp, finished), current.mod_revision, cause)
        meta = current.value.metadata
        left = tuple(name for name in meta.finalizers if name != CLEANUP)
        if left:
            waiting = replace(current.value, metadata=replace(meta, finalizers=left))
            store.put(key, partial(stamp, waiting), current.mod_revision, cause)
        else:
            store.delete(key, current.mod_revision, cause)

    def _with_terminating(
        self, definition: CustomResourceDefinition, status: str, reason: str, message: str
    ) -> CustomResourceDefinition:
        """The definition with another Terminating condition; its time is that of the last change of status."""
        now = rfc3339(self._server.clock.now)
        conditions = list(definition.status.conditions)
        for index, item in enumerate(conditions):
            if item.type == TERMINATING:
                since = item.lastTransitionTime if item.status == status else now
                conditions[index] = replace(
                    item, status=status, reason=reason, message=message, lastTransitionTime=since
                )
                break
        else:
            conditions.append(_made(TERMINATING, status, now, reason, message))
        return replace(definition, status=replace(definition.status, conditions=tuple(conditions)))

    def _write(self, change: Change, new: CustomResourceDefinition) -> None:
        cause = Cause(_CAUSE, "update/status", (change.revision,), change.key, "definition")
        current = change.current
        if current is not None and self._server.store.get(change.key) is current:
            self._server.store.put(change.key, partial(stamp, new), current.mod_revision, cause)


def _has_reason(definition: CustomResourceDefinition, reason: str) -> bool:
    """Whether the definition has come to this point of its end."""
    return any(item.type == TERMINATING and item.reason in (reason, _DELETED) for item in definition.status.conditions)


def _made(name: str, status: str, now: str, reason: str, message: str) -> CustomResourceDefinitionCondition:
    return CustomResourceDefinitionCondition(
        type=name, status=status, lastTransitionTime=now, reason=reason, message=message
    )
