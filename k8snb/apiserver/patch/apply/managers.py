"""Who manages which fields: `managedFields` as a value, and its entries as the API writes them.

A manager is known by name, operation, subresource and (for updates only) API version. Called by
`k8snb.apiserver.patch.apply.updater` and `k8snb.apiserver.managed`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from k8snb.api.gotext import quote
from k8snb.apiserver.patch.apply import fieldset
from k8snb.apiserver.patch.apply.fieldset import FieldSet

APPLY = "Apply"
UPDATE = "Update"
MAX_UPDATERS = 10
"""Entries of operation Update that are kept apart (managedfields' DefaultMaxUpdateManagers)."""
ANCIENT = "ancient-changes"
BEFORE_FIRST_APPLY = "before-first-apply"


class Manager(NamedTuple):
    """Identity of a manager; `version` is "" for appliers, which keep their entry across API versions."""

    name: str
    operation: str
    version: str
    subresource: str = ""

    @property
    def identifier(self) -> str:
        """The text by which upstream sorts managers."""
        parts = {"manager": self.name, "operation": self.operation, "apiVersion": self.version}
        parts["subresource"] = self.subresource
        return json.dumps({key: part for key, part in parts.items() if part}, separators=(",", ":"))

    def __str__(self) -> str:
        """As conflicts name it: `"scaler" with subresource "scale" using apps/v1`."""
        text = quote(self.name)
        if self.subresource:
            text += f" with subresource {quote(self.subresource)}"
        return f"{text} using {self.version}" if self.operation == UPDATE else text


class Owned(NamedTuple):
    """What one manager manages: the fields, in terms of which API version, since when (RFC 3339 or "")."""

    fields: FieldSet
    version: str
    applied: bool
    time: str = ""


Managed = dict[Manager, Owned]


def manager(name: str, operation: str, version: str, subresource: str = "") -> Manager:
    """The identity of whoever makes a request."""
    return Manager(name, operation, "" if operation == APPLY else version, subresource)


def decode(entries: Iterable[Mapping[str, Any]]) -> Managed | None:
    """Entries of `metadata.managedFields` as a value; None when they cannot be understood."""
    out: Managed = {}
    for entry in entries:
        operation = entry.get("operation")
        version = entry.get("apiVersion") or ""
        if operation not in (APPLY, UPDATE) or not version or entry.get("fieldsType") != "FieldsV1":
            return None
        who = manager(entry.get("manager") or "", operation, version, entry.get("subresource") or "")
        try:
            fields = fieldset.parse(entry.get("fieldsV1"))
        except ValueError:
            return None
        out[who] = Owned(fields, version, operation == APPLY, entry.get("time") or "")
    return out


def encode(managed: Managed) -> list[dict[str, Any]]:
    """The entries in the server's order: by operation, time, manager, API version, subresource."""
    rows = sorted(
        managed.items(),
        key=lambda row: (row[0].operation, row[1].time, row[0].name, row[1].version, row[0].subresource),
    )
    return [_entry(who, owned) for who, owned in rows]


def _entry(who: Manager, owned: Owned) -> dict[str, Any]:
    entry: dict[str, Any] = {"manager": who.name, "operation": who.operation, "apiVersion": owned.version}
    if owned.time:
        entry["time"] = owned.time
    entry["fieldsType"] = "FieldsV1"
    entry["fieldsV1"] = fieldset.ordered(owned.fields)
    if who.subresource:
        entry["subresource"] = who.subresource
    return {key: part for key, part in entry.items() if part != ""}


def is_reset(entries: Any) -> bool:
    """Whether managedFields of a request are the `[{}]` that clears them."""
    return isinstance(entries, list | tuple) and len(entries) == 1 and not entries[0]


def cap(managed: Managed) -> Managed:
    """Fold the oldest updaters into one `ancient-changes` entry per API version when there are too many."""
    updaters = [who for who, owned in managed.items() if not owned.applied]
    excess = len(updaters) - MAX_UPDATERS
    if excess <= 0:
        return managed
    out = dict(managed)
    updaters.sort(key=lambda who: (out[who].time, who.identifier))
    first: dict[str, Manager] = {}
    for who in updaters:
        if excess <= 0:
            break
        owned = out[who]
        bucket = Manager(ANCIENT, UPDATE, owned.version)
        if owned.version not in first:
            first[owned.version] = who
            continue
        if bucket not in out:
            out[bucket] = out.pop(first[owned.version])
        fields = fieldset.union(owned.fields, out[bucket].fields)
        del out[who]
        out[bucket] = owned._replace(fields=fields)
        excess -= 1
    return out


_STRIPPED = fieldset.of(
    ("f:apiVersion",),
    ("f:kind",),
    ("f:metadata",),
    *(
        ("f:metadata", f"f:{name}")
        for name in (
            "name",
            "namespace",
            "creationTimestamp",
            "selfLink",
            "uid",
            "clusterName",
            "generation",
            "managedFields",
            "resourceVersion",
        )
    ),
)


UNMANAGED_METADATA: FieldSet = _STRIPPED["f:metadata"]
"""The fields of metadata that nobody manages."""


def strip(fields: FieldSet) -> FieldSet:
    """The fields without those of the server itself, which nobody manages."""
    return fieldset.difference(fields, _STRIPPED)
