"""Defaults that the workload kinds share."""

from __future__ import annotations

from typing import TypeVar

from k8snb.api.types import core_v1 as core
from k8snb.apiserver.validation.field import Path
from k8snb.apiserver.validation.pod_warnings import template as _warnings

# Deployments, StatefulSets and DaemonSets keep so many old revisions.
HISTORY_LIMIT = 10
QUARTER = "25%"
V = TypeVar("V")
_TEMPLATE = Path("spec") / "template"


def or_default(value: V | None, default: V) -> V:
    """The value, or the default when it is absent."""
    return default if value is None else value


def template_warnings(value: core.PodTemplateSpec) -> tuple[str, ...]:
    """Warnings about ``spec.template``."""
    return _warnings(value, _TEMPLATE)
