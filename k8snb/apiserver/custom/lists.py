"""Lists that are maps by key (`x-kubernetes-list-type: map`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def key_of(item: Mapping[str, Any], keys: Iterable[str], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The values of an item's keys; a missing key counts as its default."""
    properties = schema.get("properties") or {}
    found = {}
    for key in keys:
        if key in item:
            found[key] = item[key]
        elif "default" in (properties.get(key) or {}):
            found[key] = properties[key]["default"]
    return found
