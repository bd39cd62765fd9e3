"""`kubectl create role`, `clusterrole`, `rolebinding` and `clusterrolebinding`."""

from __future__ import annotations

from k8snb.kubectl.call import Call, Command
from k8snb.kubectl.commands.building import COMMON, MANAGER, Tree, new_object, only_name, pairs
from k8snb.kubectl.commands.make import create
from k8snb.kubectl.errors import KubectlError
from k8snb.kubectl.flags import Flag


def _rules(call: Call) -> list[Tree]:
    verbs = list(call.flag("verb"))
    if not verbs:
        raise KubectlError("at least one verb must be specified")
    if not call.flag("resource") and not call.flags.get("non-resource-url"):
        raise KubectlError("at least one resource must be specified")
    by_group: dict[str, list[str]] = {}
    for word in call.flag("resource"):
        name, _, subresource = word.partition("/")
        resource = call.client.kind(name) if name != "*" else None
        shown = resource.plural if resource is not None else "*"
        group = resource.group if resource is not None else ""
        by_group.setdefault(group, []).append(f"{shown}/{subresource}" if subresource else shown)
    out: list[Tree] = []
    for group, names in by_group.items():
        rule: Tree = {"apiGroups": [group], "resources": names, "verbs": verbs}
        if call.flag("resource-name"):
            rule["resourceNames"] = list(call.flag("resource-name"))
        out.append(rule)
    if call.flags.get("non-resource-url"):
        out.append({"nonResourceURLs": list(call.flag("non-resource-url")), "verbs": verbs})
    return out


def role(call: Call) -> int | None:
    """`create role NAME --verb=… --resource=…`."""
    body = new_object("rbac.authorization.k8s.io/v1", "Role", only_name(call, "role"), rules=_rules(call))
    create(call, body, MANAGER, failing="failed to create role")
    return None


def cluster_role(call: Call) -> int | None:
    """`create clusterrole NAME --verb=… --resource=…`."""
    body = new_object("rbac.authorization.k8s.io/v1", "ClusterRole", only_name(call, "clusterrole"))
    if call.flag("aggregation-rule"):
        labels = pairs(call.flag("aggregation-rule"), "aggregation rule")
        body["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": labels}]}
        body["rules"] = []
    else:
        body["rules"] = _rules(call)
    create(call, body, MANAGER, failing="failed to create clusterrole")
    return None


def _subjects(call: Call) -> list[Tree]:
    group = "rbac.authorization.k8s.io"
    out: list[Tree] = [{"kind": "User", "apiGroup": group, "name": name} for name in call.flag("user")]
    out += [{"kind": "Group", "apiGroup": group, "name": name} for name in call.flag("group")]
    for word in call.flag("serviceaccount"):
        where, colon, name = word.partition(":")
        if not colon or not name:
            raise KubectlError("serviceaccount must be <namespace>:<name>")
        out.append({"kind": "ServiceAccount", "name": name, "namespace": where})
    return out


def role_binding(call: Call) -> int | None:
    """`create rolebinding NAME --role=…|--clusterrole=… --user=…`."""
    name = only_name(call, "rolebinding")
    own, shared = str(call.flag("role") or ""), str(call.flag("clusterrole") or "")
    if bool(own) == bool(shared):
        raise KubectlError("exactly one of clusterrole or role must be specified")
    reference = {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "Role" if own else "ClusterRole",
        "name": own or shared,
    }
    body = new_object("rbac.authorization.k8s.io/v1", "RoleBinding", name, roleRef=reference, subjects=_subjects(call))
    create(call, body, MANAGER, failing="failed to create rolebinding")
    return None


def cluster_role_binding(call: Call) -> int | None:
    """`create clusterrolebinding NAME --clusterrole=… --user=…`."""
    name = only_name(call, "clusterrolebinding")
    if not call.flag("clusterrole"):
        raise KubectlError('required flag(s) "clusterrole" not set')
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": str(call.flag("clusterrole"))}
    body = new_object(
        "rbac.authorization.k8s.io/v1", "ClusterRoleBinding", name, roleRef=reference, subjects=_subjects(call)
    )
    create(call, body, MANAGER, failing="failed to create clusterrolebinding")
    return None


_RULE = (Flag("verb", "list"), Flag("resource", "list"), Flag("resource-name", "array"))
_SUBJECT = (Flag("user", "array"), Flag("group", "array"), Flag("serviceaccount", "array"))

ACCESS = (
    Command("role", "Create a Role", role, (*COMMON, *_RULE)),
    Command(
        "clusterrole",
        "Create a ClusterRole",
        cluster_role,
        (*COMMON, *_RULE, Flag("non-resource-url", "list"), Flag("aggregation-rule", "list")),
    ),
    Command(
        "rolebinding",
        "Create a RoleBinding",
        role_binding,
        (*COMMON, *_SUBJECT, Flag("role", default=""), Flag("clusterrole", default="")),
    ),
    Command(
        "clusterrolebinding",
        "Create a ClusterRoleBinding",
        cluster_role_binding,
        (*COMMON, *_SUBJECT, Flag("clusterrole", default="")),
    ),
)
