"""Roles and their bindings."""

from __future__ import annotations

from typing import Any

from k8snb.kubectl.describe.page import Page


def role(page: Page, obj: Any) -> None:
    """A Role or ClusterRole."""
    page.head(obj, namespace=False)
    page.line("PolicyRule:")
    page.line("Resources\tNon-Resource URLs\tResource Names\tVerbs", 1)
    page.line("---------\t-----------------\t--------------\t-----", 1)
    lines: dict[tuple[str, str, str], dict[str, None]] = {}
    for rule in obj.rules:
        names = [f"{plural}.{group}" if group else plural for group in rule.apiGroups for plural in rule.resources]
        for name in names or [""]:
            key = (name, f"[{' '.join(rule.nonResourceURLs)}]", f"[{' '.join(rule.resourceNames)}]")
            lines.setdefault(key, {}).update(dict.fromkeys(rule.verbs))
    for (name, urls, objects), verbs in sorted(lines.items()):
        page.line(f"{name}\t{urls}\t{objects}\t[{' '.join(verbs)}]", 1)


def role_binding(page: Page, obj: Any) -> None:
    """A RoleBinding or ClusterRoleBinding."""
    page.head(obj, namespace=False)
    page.line("Role:")
    page.line(f"Kind:\t{obj.roleRef.kind}", 1)
    page.line(f"Name:\t{obj.roleRef.name}", 1)
    page.line("Subjects:")
    page.line("Kind\tName\tNamespace", 1)
    page.line("----\t----\t---------", 1)
    for subject in obj.subjects:
        page.line(f"{subject.kind}\t{subject.name}\t{subject.namespace or ''}", 1)
