"""Field selectors: ``status.phase=Running,spec.nodeName!=node-1``, with the fields each kind supports and the real
errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from k8snb.api.gotext import quote
from k8snb.api.mistakes import Mistake
from k8snb.api.object import Object
from k8snb.api.scheme import Resource

_METADATA: Final = ("metadata.name", "metadata.namespace")
_INVOLVED: Final = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")


class FieldSelectorError(Mistake, ValueError):
    """Text that is not a field selector, or a field that the kind does not support; the message is the API server's."""


@dataclass(frozen=True, slots=True)
class Term:
    """``field=value``, or ``field!=value`` when ``negated``; ``field`` is the stored form's name."""

    field: str
    value: str
    negated: bool = False

    def __str__(self) -> str:
        return f"{self.field}{'!=' if self.negated else '='}{escape(self.value)}"


@dataclass(frozen=True)
class FieldSelector:
    """A conjunction of terms for one kind. ``str()`` gives the canonical text."""

    terms: tuple[Term, ...] = ()

    def matches(self, obj: Object) -> bool:
        """Return whether an object's fields meet every term; a field that it does not have counts as ``""``."""
        return all((value_of(obj, term.field) == term.value) is not term.negated for term in self.terms)

    def exact(self, field: str) -> str | None:
        """Return the one value that ``field`` must have, or None when the selector does not say."""
        for term in self.terms:
            if term.field == field and not term.negated:
                return term.value
        return None

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __str__(self) -> str:
        return ",".join(map(str, self.terms))


EVERYTHING: Final = FieldSelector()


@dataclass(frozen=True)
class _Supported:
    """The fields of a kind: names as written to stored names, and how the server complains about another."""

    labels: dict[str, str]
    complaint: str = "field label not supported: {name}"


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


_EVENT: Final = _same("reason", "type", *_METADATA)
_KINDS: Final[dict[str, _Supported]] = {
    "v1/Pod": _Supported(
        {
            **_same(*_METADATA, "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName"),
            **_same("spec.hostNetwork", "status.phase", "status.podIP", "status.podIPs", "status.nominatedNodeName"),
            "spec.host": "spec.nodeName",
        }
    ),
    "v1/Node": _Supported(_same("metadata.name", "spec.unschedulable")),
    "v1/ReplicationController": _Supported(_same(*_METADATA, "status.replicas")),
    "v1/Namespace": _Supported(_same("metadata.name", "status.phase")),
    "v1/Secret": _Supported(_same(*_METADATA, "type")),
    "v1/Service": _Supported(_same(*_METADATA, "spec.clusterIP", "spec.type")),
    "v1/Event": _Supported(
        {
            **_EVENT,
            **_same("reportingComponent", "source"),
            **{f"involvedObject.{name}": f"involvedObject.{name}" for name in _INVOLVED},
        }
    ),
    "events.k8s.io/v1/Event": _Supported(
        {
            **_EVENT,
            "reportingController": "reportingComponent",
            **{f"regarding.{name}": f"involvedObject.{name}" for name in _INVOLVED},
        }
    ),
    "batch/v1/Job": _Supported(_same(*_METADATA, "status.successful"), "field label {quoted} not supported for Job"),
    "certificates.k8s.io/v1/CertificateSigningRequest": _Supported(_same("metadata.name", "spec.signerName")),
    "resource.k8s.io/v1/ResourceSlice": _Supported(
        _same("metadata.name", "spec.nodeName", "spec.driver"), "field label not supported for ResourceSlice: {name}"
    ),
}
_DEFAULT: Final = _Supported(
    _same(*_METADATA), '{quoted} is not a known field selector: only "metadata.name", "metadata.namespace"'
)


def supported(resource: Resource, selectable: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the fields that may be selected by; ``selectable`` are those that a custom resource declares."""
    if resource.custom:
        return (*_METADATA, *selectable)
    return tuple(_KINDS.get(f"{resource.api_version}/{resource.kind}", _DEFAULT).labels)


def parse(text: str, resource: Resource, selectable: tuple[str, ...] = ()) -> FieldSelector:
    """Return the selector that ``text`` says for objects of ``resource``; raises :class:`FieldSelectorError`.

    ``selectable``: the paths that a custom resource declares (``spec.color``).
    """
    if resource.custom:
        known = _Supported(_same(*_METADATA, *selectable))
    else:
        known = _KINDS.get(f"{resource.api_version}/{resource.kind}", _DEFAULT)
    terms = []
    for part in sorted(_split(text)):
        if not part:
            continue
        field, operator, written = _term(part)
        if not operator:
            raise FieldSelectorError(f"invalid selector: '{text}'; can't understand '{part}'")
        terms.append((field, _unescape(written), operator == "!="))
    found = []
    for field, value, negated in terms:
        name = known.labels.get(field)
        if name is None:
            raise FieldSelectorError(known.complaint.format(name=field, quoted=quote(field)))
        found.append(Term(name, value, negated))
    return FieldSelector(tuple(found)) if found else EVERYTHING


#: The same under a name that reads well where both kinds of selector are parsed.
parse_field_selector = parse


def _split(text: str) -> Iterator[str]:
    start, slash = 0, False
    for index, char in enumerate(text):
        if slash:
            slash = False
        elif char == "\\":
            slash = True
        elif char == ",":
            yield text[start:index]
            start = index + 1
    yield text[start:]


def _term(part: str) -> tuple[str, str, str]:
    for index in range(len(part)):
        for operator in ("!=", "==", "="):
            if part.startswith(operator, index):
                return part[:index], operator, part[index + len(operator) :]
    return part, "", ""


def escape(value: str) -> str:
    """Return a value as it is written in a field selector."""
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")


def _unescape(text: str) -> str:
    found, slash = [], False
    for char in text:
        if slash:
            if char not in "\\,=":
                raise FieldSelectorError(f"invalid field selector: invalid escape sequence: \\{char}")
            found.append(char)
            slash = False
        elif char == "\\":
            slash = True
        elif char in ",=":
            raise FieldSelectorError(f"invalid field selector: unescaped character in value: {ord(char)}")
        else:
            found.append(char)
    if slash:
        raise FieldSelectorError("invalid field selector: invalid escape sequence: \\")
    return "".join(found)


def value_of(obj: Any, field: str) -> str:
    """Return the text of a selectable field, ``""`` if the object does not have it."""
    special = _SPECIAL.get((obj.kind, field))
    if special is not None:
        return special(obj)
    value = obj
    for name in field.split("."):
        value = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
        if value is None:
            return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    # status.podIPs is a list: Kubernetes accepts the selector but never fills in the field.
    return str(value) if isinstance(value, (str, int)) else ""


def _involved(name: str) -> Callable[[Any], str]:
    def read(event: Any) -> str:
        involved = event.regarding if event.apiVersion == "events.k8s.io/v1" else event.involvedObject
        return getattr(involved, name, None) or ""

    return read


def _reporting(event: Any) -> str:
    found = event.reportingController if event.apiVersion == "events.k8s.io/v1" else event.reportingComponent
    return found or ""


def _source(event: Any) -> str:
    source = event.deprecatedSource if event.apiVersion == "events.k8s.io/v1" else event.source
    return source.component or _reporting(event)


_SPECIAL: Final[dict[tuple[str, str], Callable[[Any], str]]] = {
    ("Pod", "spec.hostNetwork"): lambda pod: "true" if pod.spec.hostNetwork else "false",
    ("Pod", "status.podIP"): lambda pod: pod.status.podIPs[0].ip if pod.status.podIPs else "",
    ("Node", "spec.unschedulable"): lambda node: "true" if node.spec.unschedulable else "false",
    ("ReplicationController", "status.replicas"): lambda item: str(item.status.replicas or 0),
    ("Job", "status.successful"): lambda job: str(job.status.succeeded or 0),
    ("Event", "source"): _source,
    ("Event", "reportingComponent"): _reporting,
    **{("Event", f"involvedObject.{name}"): _involved(name) for name in _INVOLVED},
}
