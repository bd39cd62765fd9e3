"""How the real API server prints a bad value in an error message.

A string is quoted as Go does it, a number is plain, everything else is Go's JSON of the server's *internal* type: the Go names of
the fields, every field written, ``null`` for what is absent.  Types of ``meta/v1`` have no internal form and appear as in YAML.

An absent list or map prints as ``null``; hand in a plain ``[]`` or ``{}`` where Go would have an empty one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from k8snb.api.gotext import quote
from k8snb.api.schema import FieldPlan, plan

# Go names that are not the JSON name with a capital letter.
_INITIALISMS = {
    "apiGroup": "APIGroup",
    "apiGroups": "APIGroups",
    "apiVersion": "APIVersion",
    "apiVersions": "APIVersions",
    "awsElasticBlockStore": "AWSElasticBlockStore",
    "caBundle": "CABundle",
    "cidr": "CIDR",
    "csi": "CSI",
    "dnsConfig": "DNSConfig",
    "dnsPolicy": "DNSPolicy",
    "downwardAPI": "DownwardAPI",
    "except": "Except",
    "fc": "FC",
    "fsGroup": "FSGroup",
    "fsGroupChangePolicy": "FSGroupChangePolicy",
    "fsGroupPolicy": "FSGroupPolicy",
    "fsType": "FSType",
    "gcePersistentDisk": "GCEPersistentDisk",
    "grpc": "GRPC",
    "http": "HTTP",
    "httpGet": "HTTPGet",
    "httpHeaders": "HTTPHeaders",
    "ip": "IP",
    "ipBlock": "IPBlock",
    "ipFamilies": "IPFamilies",
    "ipFamilyPolicy": "IPFamilyPolicy",
    "ipMode": "IPMode",
    "iqn": "IQN",
    "iscsi": "ISCSI",
    "jsonPath": "JSONPath",
    "lun": "Lun",
    "nfs": "NFS",
    "nonResourceURLs": "NonResourceURLs",
    "openAPIV3Schema": "OpenAPIV3Schema",
    "os": "OS",
    "pdID": "PDID",
    "pdName": "PDName",
    "rbd": "RBD",
    "seLinuxChangePolicy": "SELinuxChangePolicy",
    "seLinuxMount": "SELinuxMount",
    "seLinuxOptions": "SELinuxOptions",
    "scaleIO": "ScaleIO",
    "setHostnameAsFQDN": "SetHostnameAsFQDN",
    "storageos": "StorageOS",
    "tcpSocket": "TCPSocket",
    "tls": "TLS",
    "tty": "TTY",
    "ttlSecondsAfterFinished": "TTLSecondsAfterFinished",
    "uid": "UID",
    "uri": "URI",
    "url": "URL",
    "wwids": "WWIDs",
}

# Internal structs whose fields stand in another order than in the versioned type.
_POD_SPEC_ORDER = (
    "volumes initContainers containers ephemeralContainers restartPolicy terminationGracePeriodSeconds activeDeadlineSeconds"
    " dnsPolicy nodeSelector serviceAccountName automountServiceAccountToken nodeName securityContext imagePullSecrets hostname"
    " subdomain setHostnameAsFQDN affinity schedulerName tolerations hostAliases priorityClassName priority preemptionPolicy"
    " dnsConfig readinessGates runtimeClassName overhead enableServiceLinks topologySpreadConstraints os schedulingGates"
    " resourceClaims resources hostnameOverride schedulingGroup"
)
_ORDER = {
    "PodSecurityContext": [
        "seLinuxOptions",
        "windowsOptions",
        "runAsUser",
        "runAsGroup",
        "runAsNonRoot",
        "supplementalGroups",
        "supplementalGroupsPolicy",
        "fsGroup",
        "fsGroupChangePolicy",
        "sysctls",
        "seccompProfile",
        "appArmorProfile",
        "seLinuxChangePolicy",
    ],
    "PodSpec": _POD_SPEC_ORDER.split(),
    "ServiceSpec": [
        "type",
        "ports",
        "selector",
        "clusterIP",
        "clusterIPs",
        "ipFamilies",
        "ipFamilyPolicy",
        "externalName",
        "externalIPs",
        "loadBalancerIP",
        "sessionAffinity",
        "sessionAffinityConfig",
        "loadBalancerSourceRanges",
        "externalTrafficPolicy",
        "healthCheckNodePort",
        "publishNotReadyAddresses",
        "allocateLoadBalancerNodePorts",
        "loadBalancerClass",
        "internalTrafficPolicy",
        "trafficDistribution",
    ],
}
_ZEROS: dict[str, Any] = {"string": "", "bool": False, "int": 0, "float": 0, "quantity": "0", "intorstring": 0}
_POD_HOST_FIELDS = ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers")


def go_json(value: Any) -> str:
    """A value as ``field.Error`` shows it after ``Invalid value:``."""
    if isinstance(value, str):
        return quote(value)
    if value is None or (type(value) not in (dict, list) and isinstance(value, Mapping | tuple) and not value):
        return "null"
    return to_go_json(tree_of(value))


def to_go_json(tree: Any) -> str:
    """JSON of builtins as Go's ``json.Marshal`` writes it: no blanks, map keys sorted by :func:`tree_of`, ``<>&`` escaped."""
    text = json.dumps(tree, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        if char in text:
            text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def go_name(name: str) -> str:
    """The Go field name of a JSON field name (``clusterIP`` -> ``ClusterIP``, ``fsType`` -> ``FSType``)."""
    return _INITIALISMS.get(name) or name[:1].upper() + name[1:]


def internal(value: msgspec.Struct) -> dict[str, Any]:
    """An API object as the builtins of Go's JSON of the internal type."""
    kind = type(value)
    if kind.__module__.endswith(".meta_v1"):
        return _tagged(value)
    out: dict[str, Any] = {}
    for name, attribute, field in _fields(kind):
        item = getattr(value, attribute)
        if name == "metadata":
            out.update((key, part) for key, part in _tagged(item).items() if part is not None)
        else:
            out[go_name(name)] = _zero(field) if item is None else tree_of(item)
    if kind.__name__ == "PodSpec":
        _move_host_fields(value, out)
    return out


def _tagged(value: msgspec.Struct) -> dict[str, Any]:
    """A type of ``meta/v1``, which has JSON names everywhere: as in the API, maps sorted."""
    tree: dict[str, Any] = msgspec.to_builtins(value)
    for name in ("matchLabels", "labels", "annotations"):
        if name in tree:
            tree[name] = dict(sorted(tree[name].items()))
    return tree


@cache
def _fields(kind: type[msgspec.Struct]) -> list[tuple[str, str, FieldPlan]]:
    fields = plan(kind).fields
    order = _ORDER.get(kind.__name__) or [name for name in fields if name not in ("kind", "apiVersion")]
    return [(name, fields[name].attr, fields[name]) for name in order if name in fields]


def _zero(field: FieldPlan) -> Any:
    """What Go has in a field that was not set."""
    return None if field.pointer else _ZEROS.get(field.kind)


def _move_host_fields(spec: msgspec.Struct, out: dict[str, Any]) -> None:
    """The internal PodSpec keeps the host namespaces inside its security context."""
    context = out["SecurityContext"]
    if context is not None:
        fields = plan(type(spec)).fields
        host = {go_name(name): getattr(spec, name) for name in _POD_HOST_FIELDS}
        out["SecurityContext"] = {
            name: _zero(fields[field]) if value is None else value
            for field, (name, value) in zip(_POD_HOST_FIELDS, host.items(), strict=True)
        } | context


def tree_of(value: Any) -> Any:
    """A value of any type as the builtins of Go's JSON of the internal type."""
    if isinstance(value, msgspec.Struct):
        return internal(value)
    if isinstance(value, Mapping):
        if not value and type(value) is not dict:
            return None
        return {key: tree_of(value[key]) for key in sorted(value)}
    if isinstance(value, tuple | list):
        if not value and not isinstance(value, list):
            return None
        return [tree_of(item) for item in value]
    return value
