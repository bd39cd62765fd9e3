"""Cell texts that several kinds share: labels, selectors, containers, bounded lists, conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from k8snb.api import selectors

NONE = "<none>"
UNSET = "<unset>"


def labels(value: Mapping[str, str] | None) -> str:
    """A label map: `a=1,b=2`, or `<none>`."""
    return ",".join(f"{key}={value[key]}" for key in sorted(value)) if value else NONE


def selector(value: Any) -> str:
    """A LabelSelector in its text form, or `<none>`."""
    return str(selectors.from_label_selector(value)) or NONE if value is not None else NONE


def containers(items: Iterable[Any]) -> tuple[str, str]:
    """Names and images of containers, each joined by commas."""
    found = list(items)
    return ",".join(item.name for item in found), ",".join(item.image or "" for item in found)


def some(items: Sequence[str], most: int = 3) -> str:
    """The first items and how many more there are: `1,2,3 + 2 more...`."""
    text = ",".join(items[:most])
    return f"{text} + {len(items) - most} more..." if len(items) > most else text


def condition(conditions: Iterable[Any], kind: str) -> Any:
    """The condition of a type, or None."""
    return next((item for item in conditions if item.type == kind), None)


def is_true(conditions: Iterable[Any], kind: str) -> bool:
    """Whether the condition of a type is there and true."""
    found = condition(conditions, kind)
    return found is not None and found.status == "True"


def controller_of(meta: Any) -> Any:
    """The owner reference of the controller, or None."""
    return next((owner for owner in meta.ownerReferences if owner.controller), None)
