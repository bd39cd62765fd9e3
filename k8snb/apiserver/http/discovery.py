"""Discovery: the documents in which the server says what it serves, made from its scheme."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from k8snb.api.scheme import Resource, Scheme, Subresource

Tree = dict[str, Any]
VERSION: Tree = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.2",
    "gitCommit": "98b35193b2ac7a23a673325f5e9b830ecd5ba406",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "go1.27.3",
    "compiler": "gc",
    "platform": "linux/amd64",
}
"""`/version` of Kubernetes v1.36.2, the version that the model follows."""
ADDRESS = "192.0.2.2:6443"
"""The address that `/api` names; nothing listens there."""


def groups_of(scheme: Scheme) -> dict[str, list[str]]:
    """The served versions of every group but the core one, both in the server's order."""
    found: dict[str, list[str]] = {}
    for resource in scheme.resources:
        if resource.group:
            versions = found.setdefault(resource.group, [])
            if resource.version not in versions:
                versions.append(resource.version)
    return found


def api_versions() -> Tree:
    """`/api`."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": ADDRESS}],
    }


def _group(name: str, versions: list[str]) -> Tree:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def group_list(scheme: Scheme) -> Tree:
    """`/apis`."""
    groups = [_group(name, versions) for name, versions in groups_of(scheme).items()]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def group(scheme: Scheme, name: str) -> Tree | None:
    """`/apis/<group>`; None when there is no such group."""
    versions = groups_of(scheme).get(name)
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)} if versions else None


def resource_list(scheme: Scheme, group_name: str, version: str) -> Tree | None:
    """`/api/v1` and `/apis/<group>/<version>`; None when there is no such version."""
    served = scheme.served(group_name, version)
    if not served:
        return None
    entries: dict[str, Tree] = {}
    for resource in served:
        entries[resource.plural] = _entry(resource)
        for sub in resource.subresources.values():
            entries[f"{resource.plural}/{sub.name}"] = _sub_entry(resource, sub)
    api_version = f"{group_name}/{version}" if group_name else version
    head: Tree = {"kind": "APIResourceList"}
    if group_name:
        head["apiVersion"] = "v1"
    return {**head, "groupVersion": api_version, "resources": [entries[name] for name in sorted(entries)]}


def _entry(resource: Resource) -> Tree:
    entry: Tree = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if resource.storage_version_hash:
        entry["storageVersionHash"] = resource.storage_version_hash
    return entry


def _sub_entry(resource: Resource, sub: Subresource) -> Tree:
    entry: Tree = {
        "name": f"{resource.plural}/{sub.name}",
        "singularName": "",
        "namespaced": resource.namespaced,
        "kind": sub.kind,
        "verbs": list(sub.verbs),
    }
    if (sub.group, sub.version) != (resource.group, resource.version):
        entry = {
            "name": entry["name"],
            "singularName": "",
            "namespaced": resource.namespaced,
            **({"group": sub.group} if sub.group else {}),
            "version": sub.version,
            "kind": sub.kind,
            "verbs": entry["verbs"],
        }
    return entry


def aggregated(scheme: Scheme, *, core: bool) -> Tree:
    """`/api` or `/apis` in one document (`APIGroupDiscoveryList`), as newer clients ask for."""
    items: list[Tree]
    if core:
        items = [{"metadata": {}, "versions": [_aggregated_version(scheme, "", "v1")]}]
    else:
        items = [
            {
                "metadata": {"name": name},
                "versions": [_aggregated_version(scheme, name, version) for version in versions],
            }
            for name, versions in groups_of(scheme).items()
        ]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


def _aggregated_version(scheme: Scheme, group_name: str, version: str) -> Tree:
    served = sorted(scheme.served(group_name, version), key=lambda item: item.plural)
    return {
        "version": version,
        "resources": [_aggregated_resource(resource) for resource in served],
        "freshness": "Current",
    }


def _aggregated_resource(resource: Resource) -> Tree:
    entry: Tree = {
        "resource": resource.plural,
        "responseKind": _kind("", "", resource.kind),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if resource.subresources:
        subs = sorted(resource.subresources.values(), key=lambda item: item.name)
        entry["subresources"] = [
            {
                "subresource": sub.name,
                "responseKind": _sub_kind(resource, sub),
                "verbs": list(sub.verbs),
            }
            for sub in subs
        ]
    return entry


def _sub_kind(resource: Resource, sub: Subresource) -> Tree:
    if (sub.group, sub.version) == (resource.group, resource.version):
        return _kind("", "", sub.kind)
    return _kind(sub.group, sub.version, sub.kind)


def _kind(group_name: str, version: str, kind: str) -> Tree:
    return {"group": group_name, "version": version, "kind": kind}


def root_paths(scheme: Scheme) -> Tree:
    """`/`: the paths that exist."""
    paths = {"/api", "/api/v1", "/apis", "/apis/", "/healthz", "/livez", "/readyz", "/version"}
    for name, versions in groups_of(scheme).items():
        paths |= {f"/apis/{name}", *(f"/apis/{name}/{version}" for version in versions)}
    return {"paths": sorted(paths)}
