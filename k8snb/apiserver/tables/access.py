"""Roles, admission, certificates, API plumbing and device claims in tables.

Kinds without a generated type (flow control, API services, device resources) are read from their plain content.
"""

from __future__ import annotations

from typing import Any

from k8snb.apiserver.tables.duration import human, since
from k8snb.apiserver.tables.table import AGE, NAME, Cell, Printer, columns
from k8snb.apiserver.tables.texts import NONE, UNSET, is_true

Cells = tuple[Cell, ...]
_SUBJECTS = ("Users+", "Groups+", "ServiceAccounts+")


def _age(obj: Any, now: float) -> str:
    return since(obj.metadata.creationTimestamp, now)


def _content(obj: Any, *path: str) -> Any:
    """A field below the content of an untyped object, or None."""
    here: Any = obj.content
    for name in path:
        here = here.get(name) if isinstance(here, dict) else None
    return here


def _binding(obj: Any, now: float) -> Cells:
    by_kind: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for subject in obj.subjects:
        name = f"{subject.namespace}/{subject.name}" if subject.kind == "ServiceAccount" else subject.name
        by_kind.setdefault(subject.kind, []).append(name)
    return (
        obj.metadata.name,
        f"{obj.roleRef.kind}/{obj.roleRef.name}",
        _age(obj, now),
        *(", ".join(by_kind[kind]) for kind in ("User", "Group", "ServiceAccount")),
    )


def _webhooks(obj: Any, now: float) -> Cells:
    return (obj.metadata.name, len(obj.webhooks), _age(obj, now))


def _policy(obj: Any, now: float) -> Cells:
    spec = obj.spec
    rules = spec.mutations if obj.kind.startswith("Mutating") else spec.validations
    kind = spec.paramKind
    shown = UNSET if kind is None else f"{kind.apiVersion}/{kind.kind}"
    return (obj.metadata.name, len(rules), shown, _age(obj, now))


def _policy_binding(obj: Any, now: float) -> Cells:
    found = obj.spec.paramRef
    shown = UNSET
    if found is not None:
        shown = f"{found.namespace}/{found.name or '*'}" if found.namespace else found.name or "*"
    return (obj.metadata.name, obj.spec.policyName or "", shown, _age(obj, now))


def _signing_request(obj: Any, now: float) -> Cells:
    spec, status = obj.spec, obj.status
    conditions = status.conditions
    kinds = [item.type for item in conditions]
    shown = "Denied" if "Denied" in kinds else "Approved" if "Approved" in kinds else "Pending"
    if "Failed" in kinds:
        shown += ",Failed"
    if status.certificate:
        shown += ",Issued"
    wanted = spec.expirationSeconds
    return (
        obj.metadata.name,
        _age(obj, now),
        spec.signerName,
        spec.username or "",
        NONE if wanted is None else human(wanted),
        shown,
    )


def _api_service(obj: Any, now: float) -> Cells:
    service = _content(obj, "spec", "service")
    conditions = _content(obj, "status", "conditions") or ()
    available = next((item for item in conditions if item.get("type") == "Available"), None)
    shown = "Unknown"
    if available is not None:
        shown = available.get("status", "")
        if shown != "True":
            shown = f"{shown} ({available.get('reason', '')})"
    backend = f"{service['namespace']}/{service['name']}" if service else "Local"
    return (obj.metadata.name, backend, shown, _age(obj, now))


def _flow_schema(obj: Any, now: float) -> Cells:
    conditions = _content(obj, "status", "conditions") or ()
    dangling = next((item.get("status") for item in conditions if item.get("type") == "Dangling"), "?")
    method = _content(obj, "spec", "distinguisherMethod", "type")
    return (
        obj.metadata.name,
        _content(obj, "spec", "priorityLevelConfiguration", "name") or "",
        _content(obj, "spec", "matchingPrecedence") or 0,
        method or NONE,
        _age(obj, now),
        dangling,
    )


def _priority_level(obj: Any, now: float) -> Cells:
    limited = _content(obj, "spec", "limited") or {}
    exempt = _content(obj, "spec", "exempt") or {}
    queuing = (limited.get("limitResponse") or {}).get("queuing") or {}
    shares = limited.get("nominalConcurrencyShares") if limited else exempt.get("nominalConcurrencyShares")
    return (
        obj.metadata.name,
        _content(obj, "spec", "type") or "",
        NONE if shares is None else shares,
        *(queuing.get(name, NONE) for name in ("queues", "handSize", "queueLengthLimit")),
        _age(obj, now),
    )


def _name_age(obj: Any, now: float) -> Cells:
    return (obj.metadata.name, _age(obj, now))


def _claim(obj: Any, now: float) -> Cells:
    status = _content(obj, "status") or {}
    states = []
    if obj.metadata.deletionTimestamp is not None:
        states.append("deleted")
    if status.get("allocation") is None:
        if obj.metadata.deletionTimestamp is None:
            states.append("pending")
    else:
        states.append("allocated")
        states.append("reserved") if status.get("reservedFor") else None
    return (obj.metadata.name, ",".join(states), _age(obj, now))


def _slice(obj: Any, now: float) -> Cells:
    return (
        obj.metadata.name,
        _content(obj, "spec", "nodeName") or UNSET,
        _content(obj, "spec", "driver") or "",
        _content(obj, "spec", "pool", "name") or "",
        _age(obj, now),
    )


def established(obj: Any) -> bool:
    """Whether a CustomResourceDefinition is served."""
    return is_true(obj.status.conditions, "Established")


_BINDINGS = Printer(columns(NAME, "Role", AGE, *_SUBJECTS), _binding)
_WEBHOOKS = Printer(columns(NAME, "Webhooks:integer", AGE), _webhooks)
_POLICY_BINDINGS = Printer(columns(NAME, "PolicyName", "ParamRef", AGE), _policy_binding)
_NAME_AGE = Printer(columns(NAME, AGE), _name_age)

ACCESS: dict[tuple[str, str], Printer] = {
    ("rbac.authorization.k8s.io", "rolebindings"): _BINDINGS,
    ("rbac.authorization.k8s.io", "clusterrolebindings"): _BINDINGS,
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"): _WEBHOOKS,
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"): _WEBHOOKS,
    ("admissionregistration.k8s.io", "mutatingadmissionpolicies"): Printer(
        columns(NAME, "Mutations:integer", "ParamKind", AGE), _policy
    ),
    ("admissionregistration.k8s.io", "validatingadmissionpolicies"): Printer(
        columns(NAME, "Validations:integer", "ParamKind", AGE), _policy
    ),
    ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings"): _POLICY_BINDINGS,
    ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"): _POLICY_BINDINGS,
    ("certificates.k8s.io", "certificatesigningrequests"): Printer(
        columns(NAME, AGE, "SignerName", "Requestor", "RequestedDuration", "Condition"), _signing_request
    ),
    ("apiregistration.k8s.io", "apiservices"): Printer(columns(NAME, "Service", "Available", AGE), _api_service),
    ("flowcontrol.apiserver.k8s.io", "flowschemas"): Printer(
        columns(NAME, "PriorityLevel", "MatchingPrecedence", "DistinguisherMethod", AGE, "MissingPL"), _flow_schema
    ),
    ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations"): Printer(
        columns(NAME, "Type", "NominalConcurrencyShares", "Queues", "HandSize", "QueueLengthLimit", AGE),
        _priority_level,
    ),
    ("resource.k8s.io", "deviceclasses"): _NAME_AGE,
    ("resource.k8s.io", "resourceclaimtemplates"): _NAME_AGE,
    ("resource.k8s.io", "resourceclaims"): Printer(columns(NAME, "State", AGE), _claim),
    ("resource.k8s.io", "resourceslices"): Printer(columns(NAME, "Node", "Driver", "Pool", AGE), _slice),
}
