"""Validation of Events: lenient for the old API, complete for ``events.k8s.io``."""

from __future__ import annotations

from typing import Final

from k8snb.api.types import core_v1 as core
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import Path, invalid, reject, required
from k8snb.apiserver.validation.metadata import Errors, immutable, object_meta, object_meta_update
from k8snb.apiserver.validation.selectors import label_name

_SHORT: Final = 128
_NOTE: Final = 1024
_ELSEWHERE: Final = "does not match event.namespace"
_UNSET: Final = "needs to be unset"
_INVOLVED: Final = Path("involvedObject") / "namespace"
_NAMESPACE: Final = Path("namespace")
_COMPONENT: Final = Path("reportingComponent")
_CONTROLLER: Final = Path("reportingController")
_KEPT: Final = (
    "involvedObject",
    "reason",
    "message",
    "source",
    "firstTimestamp",
    "lastTimestamp",
    "count",
    "reason",
    "type",
    "eventTime",
    "action",
    "related",
    "reportingController",
    "reportingInstance",
)


def create(event: core.Event, old_api: bool, errors: Errors) -> None:
    """A new event; ``old_api`` for a request to core/v1."""
    _legacy(event, old_api, errors)
    if old_api:
        return
    object_meta(event.metadata, True, names.subdomain_name, errors)
    _series(event, errors)
    if event.eventTime is None:
        errors.append(required(Path("eventTime")))
    if event.type not in ("Normal", "Warning"):
        errors.append(invalid(Path("type"), "", f"has invalid value: {event.type or ''}"))
    if event.firstTimestamp or event.lastTimestamp or event.count:
        for name in ("firstTimestamp", "lastTimestamp", "count"):
            if getattr(event, name):
                errors.append(invalid(Path(name), "", _UNSET))
    if event.source.component or event.source.host:
        errors.append(invalid(Path("source"), "", _UNSET))


def update(new: core.Event, old: core.Event, old_api: bool, errors: Errors) -> None:
    """A changed event: with the new API only its series changes."""
    _legacy(new, old_api, errors)
    if old_api:
        return
    object_meta_update(new.metadata, old.metadata, errors)
    if new.series != old.series:
        _series(new, errors)
    for name in _KEPT:
        attribute = "reportingComponent" if name == "reportingController" else name
        immutable(getattr(new, attribute), getattr(old, attribute), Path(name), errors)


def _series(event: core.Event, errors: Errors) -> None:
    series = event.series
    if series is None:
        return
    if (series.count or 0) < 2:
        errors.append(invalid(Path("series.count"), "", "should be at least 2"))
    if series.lastObservedTime is None:
        errors.append(required(Path("series.lastObservedTime")))


def _legacy(event: core.Event, old_api: bool, errors: Errors) -> None:
    home, about = event.metadata.namespace or "", event.involvedObject.namespace or ""
    if event.eventTime is None:
        if about != home if about else home not in ("", "default"):
            errors.append(invalid(_INVOLVED, about, _ELSEWHERE))
    else:
        if not about and home not in ("default", "kube-system"):
            errors.append(invalid(_INVOLVED, about, _ELSEWHERE))
        _reported(event, old_api, errors)
    messages = names.dns_subdomain(home)
    if messages:
        reject(errors, _NAMESPACE, home, messages)


def _reported(event: core.Event, old_api: bool, errors: Errors) -> None:
    where = _COMPONENT if old_api else _CONTROLLER
    if not event.reportingComponent:
        errors.append(required(where))
    if names.qualified_name(event.reportingComponent):
        label_name(event.reportingComponent, where, errors)
    for name in ("reportingInstance", "action", "reason"):
        text = getattr(event, name) or ""
        if not text:
            errors.append(required(Path(name)))
        if len(text) > _SHORT:
            errors.append(invalid(Path(name), "", f"can have at most {_SHORT} characters"))
    if len(event.message or "") > _NOTE:
        errors.append(invalid(Path("message"), "", f"can have at most {_NOTE} characters"))
