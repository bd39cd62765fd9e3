"""Roles, cluster roles and their bindings: rules that say something, references that cannot change."""

from __future__ import annotations

from typing import Any

from k8snb.api.types import rbac_v1 as rbac
from k8snb.apiserver.defaults.pods import changed, each
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import Path, invalid, not_supported, required
from k8snb.apiserver.validation.metadata import Errors
from k8snb.apiserver.validation.selectors import label_selector

_GROUP = "rbac.authorization.k8s.io"
_RULES = Path("rules")
_ROLE_REF = Path("roleRef")
_SUBJECTS = Path("subjects")


def _segment(name: str, prefix: bool = False) -> names.Messages:
    return names.path_segment(name, prefix)


def _rule(rule: rbac.PolicyRule, namespaced: bool, path: Path, errors: Errors) -> None:
    if not rule.verbs:
        errors.append(required(path / "verbs", "verbs must contain at least one value"))
    if rule.nonResourceURLs:
        if namespaced:
            detail = "namespaced rules cannot apply to non-resource URLs"
            errors.append(invalid(path / "nonResourceURLs", rule.nonResourceURLs, detail))
        if rule.apiGroups or rule.resources or rule.resourceNames:
            detail = "rules cannot apply to both regular resources and non-resource URLs"
            errors.append(invalid(path / "nonResourceURLs", rule.nonResourceURLs, detail))
        return
    if not rule.apiGroups:
        errors.append(required(path / "apiGroups", "resource rules must supply at least one api group"))
    if not rule.resources:
        errors.append(required(path / "resources", "resource rules must supply at least one resource"))


class _Rules(Kind):
    """What Role and ClusterRole have in common."""

    name_rule = staticmethod(_segment)
    allow_create_on_update = True
    checks_as_new = True

    def check(self, obj: Any, errors: Errors) -> None:
        """Every rule must name verbs and what they are for."""
        for index, rule in enumerate(obj.rules):
            _rule(rule, self.resource.namespaced, _RULES[index], errors)


class RoleStrategy(_Rules):
    """Decisions about roles."""

    serves = ((f"{_GROUP}/v1", "Role"),)


class ClusterRoleStrategy(_Rules):
    """Decisions about cluster roles."""

    serves = ((f"{_GROUP}/v1", "ClusterRole"),)

    def check(self, obj: rbac.ClusterRole, errors: Errors) -> None:
        """Rules, and selectors to aggregate by."""
        super().check(obj, errors)
        if obj.aggregationRule is None:
            return
        path = Path("aggregationRule") / "clusterRoleSelectors"
        selectors = obj.aggregationRule.clusterRoleSelectors
        if not selectors:
            detail = "at least one clusterRoleSelector required if aggregationRule is non-nil"
            errors.append(required(path, detail))
        for index, selector in enumerate(selectors):
            label_selector(selector, path[index], errors)


class _Binding(Kind):
    """What RoleBinding and ClusterRoleBinding have in common."""

    name_rule = staticmethod(_segment)
    allow_create_on_update = True
    checks_as_new = True
    roles: tuple[str, ...] = ()

    def default(self, obj: Any) -> Any:
        """The group of the role, and of subjects that are users or groups."""
        ref = obj.roleRef
        return changed(
            obj,
            roleRef=changed(ref, apiGroup=ref.apiGroup or _GROUP),
            subjects=each(obj.subjects, _with_group),
        )

    def check(self, obj: Any, errors: Errors) -> None:
        """The role's group, kind and name, and every subject."""
        ref = obj.roleRef
        if ref.apiGroup != _GROUP:
            errors.append(not_supported(_ROLE_REF / "apiGroup", ref.apiGroup or "", (_GROUP,)))
        if ref.kind not in self.roles:
            errors.append(not_supported(_ROLE_REF / "kind", ref.kind, self.roles))
        if not ref.name:
            errors.append(required(_ROLE_REF / "name"))
        else:
            errors += [invalid(_ROLE_REF / "name", ref.name, message) for message in names.path_segment(ref.name)]
        for index, subject in enumerate(obj.subjects):
            self._subject(subject, _SUBJECTS[index], errors)

    def check_update(self, new: Any, old: Any, errors: Errors) -> None:
        """A binding is for one role for ever."""
        self.check(new, errors)
        if new.roleRef != old.roleRef:
            ref = new.roleRef
            value = {"APIGroup": ref.apiGroup or "", "Kind": ref.kind, "Name": ref.name}
            errors.append(invalid(_ROLE_REF, value, "cannot change roleRef"))

    def _subject(self, subject: rbac.Subject, path: Path, errors: Errors) -> None:
        if not subject.name:
            errors.append(required(path / "name"))
        if subject.kind == "ServiceAccount":
            if subject.name:
                errors += [
                    invalid(path / "name", subject.name, message) for message in names.subdomain_name(subject.name)
                ]
            if subject.apiGroup:
                errors.append(not_supported(path / "apiGroup", subject.apiGroup, ("",)))
            if not self.resource.namespaced and not subject.namespace:
                errors.append(required(path / "namespace"))
        elif subject.kind in ("User", "Group"):
            if subject.apiGroup != _GROUP:
                errors.append(not_supported(path / "apiGroup", subject.apiGroup or "", (_GROUP,)))
        else:
            errors.append(not_supported(path / "kind", subject.kind, ("ServiceAccount", "User", "Group")))


def _with_group(subject: rbac.Subject) -> rbac.Subject:
    return changed(subject, apiGroup=_GROUP) if subject.kind in ("User", "Group") and not subject.apiGroup else subject


class RoleBindingStrategy(_Binding):
    """Decisions about role bindings."""

    serves = ((f"{_GROUP}/v1", "RoleBinding"),)
    roles = ("Role", "ClusterRole")


class ClusterRoleBindingStrategy(_Binding):
    """Decisions about cluster role bindings."""

    serves = ((f"{_GROUP}/v1", "ClusterRoleBinding"),)
    roles = ("ClusterRole",)
