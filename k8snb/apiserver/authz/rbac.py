"""RBAC: what roles grant to the subjects of their bindings (kube-apiserver `--authorization-mode=RBAC`).

Members of `system:masters` may do everything, as by the real server's privileged-group authorizer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from k8snb.apiserver.authz.authorizer import Attributes, Decision, Rules

if TYPE_CHECKING:
    from k8snb.api.request import UserInfo
    from k8snb.api.types.rbac_v1 import PolicyRule, Subject
    from k8snb.apiserver.reader import StoreReader

MASTERS = "system:masters"
_YES = Decision(True)
_NO = Decision(False)


class RBAC:
    """Answers from the roles and bindings in the store; `reader` is the server's (`connect` sets it)."""

    allows_everything = False

    def __init__(self) -> None:
        self._reader: StoreReader | None = None

    def connect(self, reader: StoreReader) -> None:
        """Read roles and bindings through this; the server does it once."""
        self._reader = reader

    def authorize(self, attributes: Attributes) -> Decision:
        """Yes with the binding that allows it, or no with what went wrong while looking."""
        if MASTERS in attributes.user.groups:
            return _YES
        problems: list[str] = []
        for rule, reason in self._grants(attributes.user, attributes.namespace, problems):
            if allows(rule, attributes):
                return Decision(True, reason)
        if not problems:
            return _NO
        said = problems[0] if len(problems) == 1 else f"[{', '.join(dict.fromkeys(problems))}]"
        return Decision(False, f"RBAC: {said}")

    def rules_for(self, user: UserInfo, namespace: str) -> Rules:
        """All rules that apply to the user in the namespace, cluster-wide ones first."""
        resources, paths = [], []
        for rule, _ in self._grants(user, namespace, []):
            if rule.resources:
                resources.append((rule.verbs, rule.apiGroups, rule.resources, rule.resourceNames))
            if rule.nonResourceURLs:
                paths.append((rule.verbs, rule.nonResourceURLs))
        return Rules(tuple(resources), tuple(paths))

    def policy_rules(self, user: UserInfo, namespace: str) -> list[PolicyRule]:
        """The same as rules of the API, for the escalation check."""
        return [rule for rule, _ in self._grants(user, namespace, [])]

    def role_rules(self, kind: str, namespace: str, name: str) -> tuple[PolicyRule, ...]:
        """The rules of a role that a binding refers to; none when there is no such role."""
        found = self._role(kind, namespace, name)
        return () if found is None else found.rules

    def _role(self, kind: str, namespace: str, name: str) -> Any:
        assert self._reader is not None
        if kind == "ClusterRole":
            return self._reader.get("clusterroles", "", name)
        return self._reader.get("roles", namespace, name)

    def _grants(self, user: UserInfo, namespace: str, problems: list[str]) -> Iterator[tuple[PolicyRule, str]]:
        """(rule, reason) of all bindings of the user; missing roles are noted in `problems`."""
        reader = self._reader
        assert reader is not None
        for binding in reader.all("clusterrolebindings"):
            yield from self._of_binding(binding, "ClusterRoleBinding", "", user, problems)
        if namespace:
            for binding in reader.list("rolebindings", namespace):
                yield from self._of_binding(binding, "RoleBinding", namespace, user, problems)

    def _of_binding(
        self, binding: Any, kind: str, namespace: str, user: UserInfo, problems: list[str]
    ) -> Iterator[tuple[PolicyRule, str]]:
        subject = next((item for item in binding.subjects if is_subject(item, user, namespace)), None)
        if subject is None:
            return
        ref = binding.roleRef
        role = self._role(ref.kind, namespace, ref.name)
        if role is None:
            problems.append(f'{ref.kind.lower()}.rbac.authorization.k8s.io "{ref.name}" not found')
            return
        name = binding.metadata.name
        where = f"{name}/{namespace}" if namespace else name
        who = f"{subject.name}/{subject.namespace}" if subject.kind == "ServiceAccount" else subject.name
        reason = f'RBAC: allowed by {kind} "{where}" of {ref.kind} "{ref.name}" to {subject.kind} "{who}"'
        for rule in role.rules:
            yield rule, reason


def is_subject(subject: Subject, user: UserInfo, namespace: str) -> bool:
    """Whether a binding's subject is the user, one of the user's groups, or the user's service account."""
    if subject.kind == "User":
        return subject.name == user.name
    if subject.kind == "Group":
        return subject.name in user.groups
    if subject.kind == "ServiceAccount":
        account_namespace = subject.namespace or namespace
        return bool(account_namespace) and user.name == f"system:serviceaccount:{account_namespace}:{subject.name}"
    return False


def allows(rule: PolicyRule, a: Attributes) -> bool:
    """Whether a rule allows what is asked."""
    if "*" not in rule.verbs and a.verb not in rule.verbs:
        return False
    if not a.is_resource:
        return any(url_matches(url, a.path) for url in rule.nonResourceURLs)
    if "*" not in rule.apiGroups and a.group not in rule.apiGroups:
        return False
    combined = f"{a.resource}/{a.subresource}" if a.subresource else a.resource
    if not any(resource_matches(item, combined, a.subresource) for item in rule.resources):
        return False
    return not rule.resourceNames or a.name in rule.resourceNames


def resource_matches(granted: str, wanted: str, subresource: str) -> bool:
    """Whether `pods`, `pods/log`, `*/scale` or `*` covers the resource."""
    return granted in ("*", wanted) or (bool(subresource) and granted == f"*/{subresource}")


def url_matches(granted: str, wanted: str) -> bool:
    """Whether `/healthz`, `/api/*` or `*` covers the path."""
    return granted in ("*", wanted) or (granted.endswith("*") and wanted.startswith(granted.rstrip("*")))
