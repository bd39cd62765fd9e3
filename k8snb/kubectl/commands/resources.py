"""`kubectl api-resources`, `api-versions`, `version`, `cluster-info` and `config`."""

from __future__ import annotations

from typing import Any

from k8snb.api.scheme import Resource
from k8snb.kubectl import printing, tabs
from k8snb.kubectl.call import Call, Command, Group
from k8snb.kubectl.errors import KubectlError
from k8snb.kubectl.flags import Flag

SERVER = "https://127.0.0.1:6443"
CONTEXT, CLUSTER, USER = "c", "o", "u"
CLIENT_VERSION = {
    "major": "1",
    "minor": "32",
    "gitVersion": "v1.32.5",
    "gitCommit": "9894294ef13a5b32803e3ca2c0d620a088cc84d1",
    "gitTreeState": "clean",
    "buildDate": "2025-05-15T09:12:10Z",
    "goVersion": "go1.23.8",
    "compiler": "gc",
    "platform": "linux/amd64",
}
"""The client whose texts these commands follow."""
KUSTOMIZE = "v5.5.0"


# -- resources


def _order(resource: Resource) -> tuple[bool, str]:
    return bool(resource.group), resource.group


def listed(call: Call) -> list[Resource]:
    """Every resource in its preferred version: core first, then groups by name, as discovery lists them."""
    found: dict[tuple[str, str], Resource] = {}
    for resource in call.client.scheme.resources:
        found.setdefault((resource.group, resource.plural), resource)
    preferred: dict[str, str] = {}
    for resource in call.client.scheme.resources:
        known = preferred.get(resource.group)
        if known is None or _age(resource.version) > _age(known):
            preferred[resource.group] = resource.version
    for resource in call.client.scheme.resources:
        if resource.version == preferred[resource.group]:
            found[(resource.group, resource.plural)] = resource
    return sorted(found.values(), key=lambda item: (*_order(item), item.plural))


def _age(version: str) -> tuple[int, int]:
    """Orders versions: v2 over v1 over v1beta1."""
    digits = "".join(char if char.isdigit() else " " for char in version).split()
    stable = "alpha" not in version and "beta" not in version
    return int(stable), int(digits[0]) if digits else 0


def api_resources(call: Call) -> int | None:
    """List the resources of the server."""
    given = str(call.flag("output"))
    if given not in ("", "wide", "name"):
        raise KubectlError(f"--output {given} is not available\nSee 'kubectl api-resources -h' for help and examples")
    rows = []
    for resource in listed(call):
        if "api-group" in call.given and resource.group != str(call.flag("api-group")):
            continue
        if "namespaced" in call.given and resource.namespaced != bool(call.flag("namespaced")):
            continue
        if not set(call.flag("verbs")) <= set(resource.verbs):
            continue
        if not set(call.flag("categories")) <= set(resource.categories):
            continue
        rows.append(resource)
    if call.flag("sort-by"):
        key = str(call.flag("sort-by"))
        if key not in ("name", "kind"):
            raise KubectlError(
                "--sort-by accepts only name or kind\nSee 'kubectl api-resources -h' for help and examples"
            )
        rows.sort(key=lambda item: item.kind if key == "kind" else item.plural)
    if given == "name":
        for resource in rows:
            call.print(resource.qualified)
        return None
    heads = ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"]
    heads += ["VERBS", "CATEGORIES"] if given == "wide" else []
    lines = [] if call.flag("no-headers") else [heads]
    for resource in rows:
        line = [
            resource.plural,
            ",".join(resource.short_names),
            resource.api_version,
            str(resource.namespaced).lower(),
            resource.kind,
        ]
        line += [",".join(sorted(resource.verbs)), ",".join(resource.categories)] if given == "wide" else []
        lines.append(line)
    call.write(tabs.table(lines))
    return None


def api_versions(call: Call) -> int | None:
    """List the group versions of the server."""
    for version in sorted({resource.api_version for resource in call.client.scheme.resources}):
        call.print(version)
    return None


# -- version


def server_version(call: Call) -> dict[str, str]:
    """What the server says of itself (`/version`)."""
    import json

    from k8snb.apiserver.http.message import HTTPRequest
    from k8snb.apiserver.routes import serve

    answer = serve(call.client.cluster.server, HTTPRequest("GET", "/version", {}, b"", user=call.client.user))
    found: dict[str, str] = json.loads(answer.body)
    return {name: value for name, value in found.items() if name in CLIENT_VERSION}  # what this client has a field for


def version(call: Call) -> int | None:
    """Print client and server versions."""
    whole: dict[str, Any] = {"clientVersion": CLIENT_VERSION, "kustomizeVersion": KUSTOMIZE}
    if not call.flag("client"):
        whole["serverVersion"] = server_version(call)
    given = str(call.flag("output"))
    if given == "json":
        import json

        call.print(json.dumps(whole, indent=2))
    elif given == "yaml":
        from k8snb.api import yamlout

        call.write(yamlout.dump(whole))
    elif given:
        raise KubectlError("--output must be 'yaml' or 'json'\nSee 'kubectl version -h' for help and examples")
    else:
        call.print(f"Client Version: {CLIENT_VERSION['gitVersion']}")
        call.print(f"Kustomize Version: {KUSTOMIZE}")
        if "serverVersion" in whole:
            call.print(f"Server Version: {whole['serverVersion']['gitVersion']}")
    if "serverVersion" in whole:
        server = whole["serverVersion"]
        if abs(int(server["minor"]) - int(CLIENT_VERSION["minor"])) > 1:
            call.complain(
                f"WARNING: version difference between client ({CLIENT_VERSION['major']}.{CLIENT_VERSION['minor']}) and "
                f"server ({server['major']}.{server['minor']}) exceeds the supported minor version skew of +/-1\n"
            )
    return None


def cluster_info(call: Call) -> int | None:
    """Say where the control plane is."""
    if call.args[:1] == ["dump"]:
        raise KubectlError("cluster-info dump is not supported here; cluster.history has everything that happened")
    call.print(f"Kubernetes control plane is running at {SERVER}")
    services = call.client.core("services")
    for item in call.client.list(services, "kube-system", "kubernetes.io/cluster-service=true"):
        name = item.metadata.labels.get("kubernetes.io/name") or item.metadata.name
        call.print(f"{name} is running at {SERVER}/api/v1/namespaces/kube-system/services/{item.metadata.name}/proxy")
    call.write("\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.\n")
    return None


# -- config


def config_view(call: Call) -> int | None:
    """Print a kubeconfig as it would be for this cluster."""
    from k8snb.api import yamlout

    tree = {
        "apiVersion": "v1",
        "clusters": [{"cluster": {"insecure-skip-tls-verify": True, "server": SERVER}, "name": CLUSTER}],
        "contexts": [{"context": {"cluster": CLUSTER, "namespace": call.namespace, "user": USER}, "name": CONTEXT}],
        "current-context": CONTEXT,
        "kind": "Config",
        "preferences": {},
        "users": [{"name": USER, "user": {"token": "REDACTED"}}],
    }
    call.write(printing.json_text(tree) if call.flag("output") == "json" else yamlout.dump(tree))
    return None


def config_current(call: Call) -> int | None:
    """Print the context's name."""
    call.print(CONTEXT)
    return None


def config_contexts(call: Call) -> int | None:
    """List the only context."""
    rows = [] if call.flag("no-headers") else [["CURRENT", "NAME", "CLUSTER", "AUTHINFO", "NAMESPACE"]]
    call.write(tabs.table([*rows, ["*", CONTEXT, CLUSTER, USER, call.namespace]]))
    return None


def config_set_context(call: Call) -> int | None:
    """Change the namespace that commands use when they name none (`--current --namespace=NAME`)."""
    name = CONTEXT if call.flag("current") else (call.args[0] if call.args else "")
    if name != CONTEXT:
        raise KubectlError(f'there is one context here, "{CONTEXT}"; use --current')
    if "namespace" in call.given:
        from k8snb.kubectl.session import remember

        remember(call.client.cluster, call.namespace)
    call.print(f'Context "{CONTEXT}" modified.')
    return None


API_RESOURCES = Command(
    "api-resources",
    "List the kinds of objects",
    api_resources,
    (
        Flag("output", short="o", default=""),
        Flag("api-group", default=""),
        Flag("namespaced", "switch", default=True),
        Flag("verbs", "list"),
        Flag("categories", "list"),
        Flag("sort-by", default=""),
        Flag("no-headers", "switch", default=False),
        Flag("cached", "switch", default=False),
    ),
)
API_VERSIONS = Command("api-versions", "List the API versions", api_versions)
VERSION = Command(
    "version",
    "Print versions",
    version,
    (Flag("client", "switch", default=False), Flag("output", short="o", default="")),
)
CLUSTER_INFO = Command("cluster-info", "Say where the control plane is", cluster_info)
CONFIG_GROUP = Group(
    "config",
    "Look at the configuration",
    (
        Command(
            "view",
            "Print it",
            config_view,
            (
                Flag("output", short="o", default="yaml"),
                Flag("minify", "switch", default=False),
                Flag("raw", "switch", default=False),
                Flag("flatten", "switch", default=False),
            ),
        ),
        Command("current-context", "Print the context's name", config_current),
        Command(
            "get-contexts",
            "List contexts",
            config_contexts,
            (Flag("no-headers", "switch", default=False), Flag("output", short="o", default="")),
        ),
        Command(
            "set-context",
            "Change the namespace in force",
            config_set_context,
            (Flag("current", "switch", default=False),),
        ),
    ),
)
