"""Fields that the server itself sets, and fields that a request may not own.

Upstream attributes a write before admission, preparation and address allocation change the object, so what those add
is managed by nobody. Here ownership is found afterwards, from stored objects, so `added` names what they add. Where a
client wrote exactly the value that the server would have given (the default service account, a free node port) the
two cannot be told apart and the server is taken to have set it. Called by `k8snb.apiserver.managed`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from k8snb.apiserver.patch.apply import fieldset
from k8snb.apiserver.patch.apply.fieldset import FieldSet

_TOKENS = "/var/run/secrets/kubernetes.io/serviceaccount"
_TOKEN_VOLUME = "kube-api-access-"
_DEFAULT_TOLERATIONS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_PROTECTION = {
    "PersistentVolumeClaim": "kubernetes.io/pvc-protection",
    "PersistentVolume": "kubernetes.io/pv-protection",
}

_SPEC = fieldset.of(("f:spec",))
_STATUS = fieldset.of(("f:status",))
_RESET: dict[tuple[str, str], FieldSet] = {
    ("Deployment", "status"): fieldset.of(("f:spec",), ("f:metadata", "f:labels")),
    ("Pod", "status"): fieldset.of(
        ("f:spec",), ("f:metadata", "f:deletionTimestamp"), ("f:metadata", "f:ownerReferences")
    ),
    ("Pod", "ephemeralcontainers"): _STATUS,
    ("Pod", "resize"): fieldset.of(("f:metadata",), ("f:status",)),
    ("CustomResourceDefinition", "status"): fieldset.of(("f:spec",), ("f:metadata",)),
}


def reset(kind: str, subresource: str, has_status: bool, custom: bool = False) -> FieldSet:
    """Fields that a request to this (sub)resource is not able to change and so never owns (`GetResetFields`)."""
    found = _RESET.get((kind, subresource))
    if found is not None:
        return found
    if subresource == "status":
        return fieldset.of(("f:spec",), ("f:metadata",)) if custom else _SPEC
    return _STATUS if has_status and not subresource else {}


def added(kind: str, tree: Mapping[str, Any]) -> FieldSet:
    """Fields of a newly created object that the server added to what the client sent."""
    find = _ADDED.get(kind)
    return {} if find is None else find(tree)


def _pod(tree: Mapping[str, Any]) -> FieldSet:
    spec = tree.get("spec") or {}
    out = fieldset.of(("f:spec", "f:priority"), ("f:spec", "f:preemptionPolicy"))
    if spec.get("serviceAccountName") == "default":
        fieldset.insert(out, ("f:spec", "f:serviceAccountName"))
        fieldset.insert(out, ("f:spec", "f:serviceAccount"))
    tolerations = spec.get("tolerations") or ()
    if tolerations and all(_is_default(toleration) for toleration in tolerations):
        fieldset.insert(out, ("f:spec", "f:tolerations"))
    volumes = spec.get("volumes") or ()
    _elements(out, ("f:spec", "f:volumes"), volumes, "name", lambda item: item["name"].startswith(_TOKEN_VOLUME))
    for part in ("containers", "initContainers"):
        for container in spec.get(part) or ():
            path = ("f:spec", f"f:{part}", fieldset.key({"name": container["name"]}), "f:volumeMounts")
            mounts = container.get("volumeMounts") or ()
            _elements(out, path, mounts, "mountPath", lambda item: item["mountPath"] == _TOKENS)
    return out


def _is_default(toleration: Mapping[str, Any]) -> bool:
    return (
        toleration.get("key") in _DEFAULT_TOLERATIONS
        and toleration.get("operator") == "Exists"
        and toleration.get("effect") == "NoExecute"
        and toleration.get("tolerationSeconds") == 300
    )


def _elements(
    out: FieldSet,
    path: tuple[str, ...],
    items: Any,
    key: str,
    by_server: Callable[[Mapping[str, Any]], bool],
) -> None:
    """Add the elements that the server put into a list, or the list itself when there are no others."""
    mine = [item for item in items if by_server(item)]
    if mine and len(mine) == len(items):
        fieldset.insert(out, path)
        return
    for item in mine:
        fieldset.insert(out, (*path, fieldset.key({key: item[key]})))


def _service(tree: Mapping[str, Any]) -> FieldSet:
    spec = tree.get("spec") or {}
    out = fieldset.of(*(("f:spec", f"f:{name}") for name in ("clusterIPs", "ipFamilies", "ipFamilyPolicy")))
    fieldset.insert(out, ("f:spec", "f:healthCheckNodePort"))
    if spec.get("clusterIP") != "None":
        fieldset.insert(out, ("f:spec", "f:clusterIP"))
    for port in spec.get("ports") or ():
        element = fieldset.key({"port": port.get("port", 0), "protocol": port.get("protocol", "TCP")})
        fieldset.insert(out, ("f:spec", "f:ports", element, "f:nodePort"))
    return out


def _node(tree: Mapping[str, Any]) -> FieldSet:
    taints: Any = (tree.get("spec") or {}).get("taints") or ()
    if len(taints) == 1 and taints[0].get("key") == "node.kubernetes.io/not-ready":
        return fieldset.of(("f:spec", "f:taints"))
    return {}


def _protected(kind: str) -> Callable[[Mapping[str, Any]], FieldSet]:
    def find(tree: Mapping[str, Any]) -> FieldSet:
        finalizers = (tree.get("metadata") or {}).get("finalizers") or ()
        path: tuple[str, ...] = ("f:metadata", "f:finalizers")
        if list(finalizers) == [_PROTECTION[kind]]:
            return fieldset.of(path)
        return fieldset.of((*path, fieldset.value(_PROTECTION[kind])))

    return find


_ADDED: dict[str, Callable[[Mapping[str, Any]], FieldSet]] = {
    "Pod": _pod,
    "Service": _service,
    "Node": _node,
    "Namespace": lambda _tree: fieldset.of(("f:spec", "f:finalizers")),
    "PersistentVolume": _protected("PersistentVolume"),
    "PersistentVolumeClaim": _protected("PersistentVolumeClaim"),
}
