"""`kubectl auth can-i` and `whoami`, and `kubectl top` (which needs a metrics API)."""

from __future__ import annotations

from typing import Any

from k8snb.api.codec import to_dict
from k8snb.kubectl import tabs
from k8snb.kubectl.call import ALL_NAMESPACES, Call, Command, Group
from k8snb.kubectl.errors import KubectlError
from k8snb.kubectl.flags import Flag


def _review(
    call: Call, plural: str, kind: str, spec: dict[str, Any], group: str = "authorization.k8s.io"
) -> dict[str, Any]:
    resource = call.client.scheme.find(f"{group}/v1", kind)
    if resource is None:
        raise KubectlError(f'the server doesn\'t have a resource type "{plural}"')
    body = {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {}, "spec": spec}
    if kind == "SelfSubjectReview":
        del body["spec"]
    answer: dict[str, Any] = to_dict(call.client.send("create", resource, body=body).object)
    return answer


def can_i(call: Call) -> int | None:
    """Ask whether an action is allowed; exit code 1 for no."""
    if call.flag("list"):
        return _list(call)
    if len(call.args) not in (2, 3):
        raise KubectlError(
            "you must specify two arguments: verb resource or verb resource/resourceName.\n"
            "See 'kubectl auth can-i -h' for help and examples."
        )
    verb, what = call.args[:2]
    if what.startswith("/"):
        attributes = {"nonResourceAttributes": {"path": what, "verb": verb}}
    else:
        kind, slash, name = what.partition("/")
        subresource = str(call.flag("subresource"))
        resource = None if kind == "*" else call.client.kind(kind) if _known(call, kind) else None
        if resource is None and kind != "*":
            call.complain(f"Warning: the server doesn't have a resource type '{kind}'\n")
        if resource is not None and not resource.namespaced and not call.flag("all-namespaces"):
            call.complain(
                f"Warning: resource '{resource.plural}' is not namespace scoped"
                + (f" in group '{resource.group}'" if resource.group else "")
                + "\n\n"
            )
        plural = kind if resource is None else resource.plural
        attributes = {
            "resourceAttributes": {
                "namespace": "" if call.flag("all-namespaces") else call.namespace,
                "verb": verb,
                "group": "*" if kind == "*" else resource.group if resource is not None else "",
                "resource": plural,
                "subresource": subresource,
                "name": (name if slash else "") or (call.args[2] if len(call.args) > 2 else ""),
            }
        }
    status = _review(call, "selfsubjectaccessreviews", "SelfSubjectAccessReview", attributes)["status"]
    if not call.flag("quiet"):
        text = "yes" if status.get("allowed") else "no"
        if not status.get("allowed") and status.get("reason"):
            text += f" - {status['reason']}"
        call.print(text)
    return 0 if status.get("allowed") else 1


def _known(call: Call, kind: str) -> bool:
    try:
        call.client.kind(kind)
    except KubectlError:
        return False
    return True


def _list(call: Call) -> int | None:
    status = _review(call, "selfsubjectrulesreviews", "SelfSubjectRulesReview", {"namespace": call.namespace})["status"]
    rules: list[tuple[str, list[str]]] = []
    for rule in status.get("resourceRules") or ():
        verbs, names = _words(rule.get("verbs")), _words(rule.get("resourceNames"))
        for resource in rule.get("resources") or ():
            for group in rule.get("apiGroups") or ("",):
                shown = f"{resource}.{group}" if group else resource
                rules.append((_rule(verbs, f"[{group}]", f"[{resource}]", names, "[]"), [shown, "[]", names, verbs]))
    for rule in status.get("nonResourceRules") or ():
        verbs = _words(rule.get("verbs"))
        for url in rule.get("nonResourceURLs") or ():
            rules.append((_rule(verbs, "[]", "[]", "[]", f"[{url}]"), ["", f"[{url}]", "[]", verbs]))
    rows = [row for _, row in sorted(rules, key=lambda pair: pair[0])]
    if status.get("incomplete"):
        call.complain(f"warning: the list may be incomplete: {status.get('evaluationError', '')}\n")
    heads = [] if call.flag("no-headers") else [["Resources", "Non-Resource URLs", "Resource Names", "Verbs"]]
    call.write(tabs.table([*heads, *rows]))
    return None


def _rule(verbs: str, groups: str, resources: str, names: str, urls: str) -> str:
    """A rule as the text by which the real command sorts: that of its Go struct."""
    return f"Verbs:{verbs},APIGroups:{groups},Resources:{resources},ResourceNames:{names},NonResourceURLs:{urls}"


def _words(value: Any) -> str:
    return "[" + " ".join(value or ()) + "]"


def whoami(call: Call) -> int | None:
    """Say who the server takes us for."""
    info = _review(call, "selfsubjectreviews", "SelfSubjectReview", {}, "authentication.k8s.io")["status"]["userInfo"]
    rows = [["ATTRIBUTE", "VALUE"], ["Username", info.get("username", "")]]
    if info.get("uid"):
        rows.append(["UID", info["uid"]])
    if info.get("groups"):
        rows.append(["Groups", _words(info["groups"])])
    for key, value in sorted((info.get("extra") or {}).items()):
        rows.append([f"Extra: {key}", _words(value)])
    call.write(tabs.table(rows))
    return None


AUTH_GROUP = Group(
    "auth",
    "Ask about rights",
    (
        Command(
            "can-i",
            "Ask whether an action is allowed",
            can_i,
            (
                ALL_NAMESPACES,
                Flag("list", "switch", default=False),
                Flag("quiet", "switch", short="q", default=False),
                Flag("subresource", default=""),
                Flag("no-headers", "switch", default=False),
            ),
        ),
        Command("whoami", "Say who you are", whoami, (Flag("output", short="o", default=""),)),
    ),
)
