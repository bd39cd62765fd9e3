"""Built-in kinds whose types are not generated: flow control, dynamic resources, aggregated API services.

They are kept as mappings.  Nothing in the model acts on them; they are stored, defaulted and served so that manifests
with them can be applied and read.  Checked are the names, and of flow control the fields that everybody writes; the
device requests, selectors and constraints of dynamic resources are not judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec.structs import replace

from k8snb.api import errors as api_errors
from k8snb.api.frozen import freeze_json
from k8snb.api.gotext import quote
from k8snb.api.typed import json_kind
from k8snb.api.unstructured import Unstructured
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.strategy import Context
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import SPEC, Path, forbidden, invalid, not_supported, reject, required
from k8snb.apiserver.validation.metadata import Errors

Tree = dict[str, Any]
# Precedence of a flow schema that gives none, and the highest one.
_PRECEDENCE = 1000
_HIGHEST_PRECEDENCE = 10000
_SHARES = 30
_QUEUING = {"queues": 64, "handSize": 8, "queueLengthLimit": 50}
_SERVICE_PORT = 443


# What Go expects in a field: a basic type, a struct (name, fields), or a list of one struct.
Shape = dict[str, Any]


def _mistyped(tree: Mapping[str, Any], shape: Shape, owner: str = "", path: str = "") -> str:
    """What Go's decoder says of the first value of a wrong type; "" when there is none."""
    for name, wanted in shape.items():
        value = tree.get(name)
        if value is None:
            continue
        where = f"{path}.{name}" if path else name
        if isinstance(wanted, str):
            if not isinstance(value, str if wanted == "string" else int) or isinstance(value, bool):
                return _cannot(value, owner, where, wanted)
            continue
        listed = isinstance(wanted, list)
        struct, fields = wanted[0] if listed else wanted
        if not isinstance(value, list | tuple if listed else Mapping):
            return _cannot(value, owner, where, ("[]" if listed else "") + f"v1.{struct}")
        for item in value if listed else (value,):
            if item is not None and not isinstance(item, Mapping):
                return _cannot(item, owner, where, f"v1.{struct}")
            if problem := _mistyped(item or {}, fields, struct, where):
                return problem
    return ""


def _cannot(value: Any, owner: str, where: str, wanted: str) -> str:
    kind = json_kind(value)
    if kind == "number" and wanted.startswith("int"):
        kind = f"number {value}"
    return f"json: cannot unmarshal {kind} into Go struct field {owner}.{where} of type {wanted}"


class _Untyped(Kind):
    """A kind kept as a mapping; subclasses say what its spec is completed with."""

    shape: ClassVar[Shape] = {}

    def default(self, obj: Unstructured) -> Unstructured:
        """The spec with its defaults, and an empty status where there is one; APIError 400 for values of a wrong type."""
        problem = _mistyped(obj.content, {"spec": (f"{obj.kind}Spec", self.shape), "status": (f"{obj.kind}Status", {})})
        if problem:
            version = obj.apiVersion.rpartition("/")[2]
            prefix = f'{obj.kind} in version "{version}" cannot be handled as a {obj.kind}'
            raise api_errors.bad_request(f"{prefix}: {problem}")
        content: Tree = {**obj.content, "spec": self.complete(dict(obj.content.get("spec") or {}))}
        if self.has_status and content.get("status") is None:
            content["status"] = {}
        return obj if content == obj.content else replace(obj, content=freeze_json(content))

    def prepare_for_create(self, obj: Unstructured, ctx: Context) -> Unstructured:
        """An empty status."""
        obj = super().prepare_for_create(obj, ctx)
        return replace(obj, content=freeze_json({**obj.content, "status": {}})) if self.has_status else obj

    def complete(self, spec: Tree) -> Tree:
        """The spec with its defaults."""
        return spec

    def check(self, obj: Unstructured, errors: Errors) -> None:
        """The spec as far as it is judged."""
        self.check_spec(obj.content.get("spec") or {}, obj.metadata.name or "", errors)

    def check_spec(self, spec: Mapping[str, Any], name: str, errors: Errors) -> None:
        """The spec of the object of this name."""


_LEVEL: Shape = {"nominalConcurrencyShares": "int32", "lendablePercent": "int32", "borrowingLimitPercent": "int32"}
_RESPONSE: Shape = {"type": "string", "queuing": ("QueuingConfiguration", dict.fromkeys(_QUEUING, "int32"))}
_EXACTLY: Shape = {"deviceClassName": "string", "allocationMode": "string", "count": "int64"}
_CLAIM: Shape = {
    "devices": (
        "DeviceClaim",
        {
            "requests": [
                (
                    "DeviceRequest",
                    {
                        "name": "string",
                        "exactly": ("ExactDeviceRequest", _EXACTLY),
                        "firstAvailable": [("DeviceSubRequest", _EXACTLY)],
                    },
                )
            ]
        },
    )
}


class FlowSchemaStrategy(_Untyped):
    """Decisions about flow schemas."""

    serves = (("flowcontrol.apiserver.k8s.io/v1", "FlowSchema"),)
    shape: ClassVar[Shape] = {
        "matchingPrecedence": "int32",
        "priorityLevelConfiguration": ("PriorityLevelConfigurationReference", {"name": "string"}),
        "distinguisherMethod": ("FlowDistinguisherMethod", {"type": "string"}),
    }
    has_status = True
    tracks_generation = True

    def complete(self, spec: Tree) -> Tree:
        """The precedence in the middle."""
        return spec if spec.get("matchingPrecedence") else {**spec, "matchingPrecedence": _PRECEDENCE}

    def check_spec(self, spec: Mapping[str, Any], name: str, errors: Errors) -> None:
        """Precedence, how flows are told apart, and the priority level."""
        number, where = spec["matchingPrecedence"], SPEC / "matchingPrecedence"
        if number <= 0:
            errors.append(invalid(where, number, "must be a positive value"))
        if number > _HIGHEST_PRECEDENCE:
            errors.append(invalid(where, number, f"must not be greater than {_HIGHEST_PRECEDENCE}"))
        if number == 1 and name != "exempt":
            errors.append(invalid(where, number, "only the schema named 'exempt' may have matchingPrecedence 1"))
        method = (spec.get("distinguisherMethod") or {}).get("type")
        if method is not None and method not in ("ByNamespace", "ByUser"):
            where = SPEC / "distinguisherMethod"
            errors.append(not_supported(where, spec["distinguisherMethod"], ("ByNamespace", "ByUser")))
        level, where = (spec.get("priorityLevelConfiguration") or {}).get("name"), SPEC / "priorityLevelConfiguration"
        if not level:
            errors.append(required(where / "name", "must reference a priority level"))
        else:
            reject(errors, where / "name", level, names.dns_subdomain(level))


class PriorityLevelConfigurationStrategy(_Untyped):
    """Decisions about priority levels."""

    serves = (("flowcontrol.apiserver.k8s.io/v1", "PriorityLevelConfiguration"),)
    shape: ClassVar[Shape] = {
        "type": "string",
        "limited": ("LimitedPriorityLevelConfiguration", {**_LEVEL, "limitResponse": ("LimitResponse", _RESPONSE)}),
        "exempt": ("ExemptPriorityLevelConfiguration", _LEVEL),
    }
    has_status = True
    tracks_generation = True

    def complete(self, spec: Tree) -> Tree:
        """Shares, and queues for levels that queue."""
        for name, shares in (("limited", _SHARES), ("exempt", 0)):
            part = spec.get(name)
            if part is not None:
                spec = {**spec, name: _level({"nominalConcurrencyShares": shares, "lendablePercent": 0, **part})}
        return spec

    def check_spec(self, spec: Mapping[str, Any], name: str, errors: Errors) -> None:
        """A type, and the part that goes with it only."""
        kind = spec.get("type") or ""
        if kind not in ("Exempt", "Limited"):
            errors.append(not_supported(SPEC / "type", kind, ("Exempt", "Limited")))
        elif kind == "Exempt" and spec.get("limited") is not None:
            errors.append(forbidden(SPEC / "limited", "must be nil if the type is not Limited"))
        elif kind == "Limited" and spec.get("exempt") is not None:
            errors.append(forbidden(SPEC / "exempt", "must be nil if the type is Limited"))
        if kind == "Limited" and spec.get("limited") is None:
            errors.append(required(SPEC / "limited", "must not be empty when type is Limited"))


def _level(level: Tree) -> Tree:
    response = level.get("limitResponse")
    if response is None or response.get("type") != "Queue" or response.get("queuing") is None:
        return level
    return {**level, "limitResponse": {**response, "queuing": {**_QUEUING, **response["queuing"]}}}


class APIServiceStrategy(_Untyped):
    """Decisions about API services, by which another server adds a group version."""

    serves = (("apiregistration.k8s.io/v1", "APIService"),)
    shape: ClassVar[Shape] = {
        "group": "string",
        "version": "string",
        "service": ("ServiceReference", {"namespace": "string", "name": "string", "port": "int32"}),
    }
    has_status = True
    name_rule = staticmethod(names.path_segment)

    def complete(self, spec: Tree) -> Tree:
        """The port of https."""
        service = spec.get("service")
        return {**spec, "service": {"port": _SERVICE_PORT, **service}} if service is not None else spec

    def check_spec(self, spec: Mapping[str, Any], name: str, errors: Errors) -> None:
        """The name is made of version and group."""
        wanted = f"{spec.get('version') or ''}.{spec.get('group') or ''}"
        if name != wanted:
            errors.append(
                invalid(Path("metadata") / "name", name, f'must be `spec.version+"."+spec.group`: {quote(wanted)}')
            )


class ResourceClaimStrategy(_Untyped):
    """Decisions about claims of devices."""

    serves = (("resource.k8s.io/v1", "ResourceClaim"),)
    shape: ClassVar[Shape] = _CLAIM
    has_status = True

    def complete(self, spec: Tree) -> Tree:
        """One device for each request."""
        return _claim(spec)


class ResourceClaimTemplateStrategy(_Untyped):
    """Decisions about templates that claims of devices are made from."""

    serves = (("resource.k8s.io/v1", "ResourceClaimTemplate"),)
    shape: ClassVar[Shape] = {"metadata": ("ObjectMeta", {}), "spec": ("ResourceClaimSpec", _CLAIM)}

    def complete(self, spec: Tree) -> Tree:
        """The same for the claims."""
        return {**spec, "metadata": spec.get("metadata") or {}, "spec": _claim(dict(spec.get("spec") or {}))}


class DeviceStrategy(_Untyped):
    """Decisions about classes of devices, and about the devices that a driver offers."""

    serves = (("resource.k8s.io/v1", "DeviceClass"), ("resource.k8s.io/v1", "ResourceSlice"))
    tracks_generation = True


def _claim(spec: Tree) -> Tree:
    devices = spec.get("devices") or {}
    requests = [_request(dict(item or {})) for item in devices.get("requests") or ()]
    return {**spec, "devices": {**devices, "requests": requests} if requests else devices}


def _request(request: Tree) -> Tree:
    if request.get("exactly") is not None:
        request["exactly"] = _exactly(dict(request["exactly"]))
    if request.get("firstAvailable"):
        request["firstAvailable"] = [_exactly(dict(item or {})) for item in request["firstAvailable"]]
    return request


def _exactly(request: Tree) -> Tree:
    mode = request.get("allocationMode") or "ExactCount"
    out = {**request, "allocationMode": mode}
    if mode == "ExactCount" and not request.get("count"):
        out["count"] = 1
    return out
