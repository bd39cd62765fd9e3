"""Who manages what after a write: the rules of server-side apply and of plain updates.

`update` attributes the changes of a plain write, `apply` merges a configuration into an object and removes what its
manager applied before and no longer does. Objects are JSON trees without `managedFields`. The layers of upstream's
field manager (strip metadata, build manager info, cap managers, skip untracked, last applied) are the steps here.
Called by `k8snb.apiserver.patch` and `k8snb.apiserver.managed`.

Left out: adapting stored field sets when a definition's schema changes between atomic and granular.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from k8snb.apiserver.patch.apply import fieldset, managers, typed
from k8snb.apiserver.patch.apply.fieldset import FieldSet
from k8snb.apiserver.patch.apply.managers import BEFORE_FIRST_APPLY, Managed, Manager, Owned
from k8snb.apiserver.patch.apply.schema import Node
from k8snb.apiserver.patch.tree import Tree

Converter = Callable[[Tree, str], tuple[Tree, Node] | None]
"""An object in another API version with that version's node; None when the version is not served."""


class Conflicts(Exception):
    """Fields that others manage with other values, by manager."""

    def __init__(self, by_manager: dict[Manager, FieldSet]) -> None:
        super().__init__("conflicts")
        self.by_manager = by_manager

    def rows(self) -> list[tuple[Manager, str]]:
        """(manager, path) of each conflict, by manager, then by path."""
        found = sorted(self.by_manager.items(), key=lambda row: row[0].identifier)
        return [(who, fieldset.path_text(path)) for who, fields in found for path in fieldset.paths(fields)]

    def message(self) -> str:
        """The text of the server's 409."""
        rows = self.rows()
        if len(rows) == 1:
            return f"Apply failed with 1 conflict: conflict with {rows[0][0]}: {rows[0][1]}"
        lines: list[str] = []
        last: Manager | None = None
        for who, path in rows:
            if who != last:
                lines.append(f"conflicts with {who}:")
            last = who
            lines.append(f"- {path}")
        return f"Apply failed with {len(rows)} conflicts: " + "\n".join(lines)


class Scope(NamedTuple):
    """What a request is about: its API version and the version's node, fields it may not own, other versions."""

    version: str
    node: Node
    ignored: FieldSet
    convert: Converter

    def at(self, tree: Tree, version: str) -> tuple[Tree, Node] | None:
        """An object of this scope in another version."""
        return (tree, self.node) if version == self.version else self.convert(tree, version)


def update(scope: Scope, old: Tree, new: Tree, managed: Managed, who: Manager, now: str, *, created: bool) -> Managed:
    """managedFields after a plain write; an object that nobody is known to manage stays so unless it is `created`."""
    if not managed and not created:
        return managed
    return managers.cap(_update(scope, old, new, managed, who, now))


def _update(scope: Scope, old: Tree, new: Tree, managed: Managed, who: Manager, now: str) -> Managed:
    out, compared = _take(scope, old, new, managed, None, force=True)
    fields = managers.strip(fieldset.union(compared.modified, compared.added))
    if not fields:
        return out
    mine = out.get(who)
    if mine is not None:
        fields = fieldset.union(fields, mine.fields)
    out[who] = Owned(fields, scope.version, False, now)
    return out


def _take(
    scope: Scope, old: Tree, new: Tree, managed: Managed, who: Manager | None, *, force: bool
) -> tuple[Managed, typed.Comparison]:
    """Take the changed fields away from everybody else; raises `Conflicts` unless forced."""
    compared = typed.compare(old, new, scope.node).without(scope.ignored)
    versions: dict[str, typed.Comparison | None] = {scope.version: compared}
    out: Managed = {}
    conflicts: dict[Manager, FieldSet] = {}
    for other, owned in managed.items():
        if other == who:
            out[other] = owned
            continue
        if owned.version not in versions:
            versions[owned.version] = _compare_at(scope, old, new, owned.version)
        there = versions[owned.version]
        if there is None:
            continue
        lost = fieldset.intersection(owned.fields, fieldset.union(there.modified, there.added))
        if lost:
            conflicts[other] = lost
        fields = fieldset.difference(fieldset.difference(owned.fields, lost), there.removed)
        if fields:
            out[other] = owned._replace(fields=fields)
    if conflicts and not force:
        raise Conflicts(conflicts)
    return out, compared


def _compare_at(scope: Scope, old: Tree, new: Tree, version: str) -> typed.Comparison | None:
    before, after = scope.convert(old, version), scope.convert(new, version)
    if before is None or after is None:
        return None
    return typed.compare(before[0], after[0], before[1])


class Applied(NamedTuple):
    """The outcome of an apply: the new object (None when nothing changed) and who manages it."""

    tree: Tree | None
    managed: Managed


def apply(
    scope: Scope,
    live: Tree,
    config: Tree,
    managed: Managed,
    who: Manager,
    now: str,
    *,
    force: bool,
    empty: Tree,
) -> Applied:
    """Merge a configuration into the live object.

    `empty` is an object of the kind with nothing set, against which a live object that nobody manages is attributed to
    `before-first-apply`. Raises `Conflicts`.
    """
    if not managed:
        before = managers.manager(BEFORE_FIRST_APPLY, managers.UPDATE, scope.version)
        managed = _update(scope, empty, live, managed, before, now)
    merged = typed.merge(live, config, scope.node)
    tree: Tree = merged if isinstance(merged, dict) else {}
    last = managed.get(who)
    fields = fieldset.recursive_difference(typed.field_set(config, scope.node), scope.ignored)
    mine = {**managed, who: Owned(fields, scope.version, True, last.time if last else "")}
    tree = _prune(scope, tree, mine, last)
    out, _ = _take(scope, live, tree, mine, who, force=force)
    changed = tree != live
    # A manager with nothing left (or nothing but metadata of the server) has no entry.
    fields = managers.strip(out[who].fields)
    if fields:
        out[who] = out[who]._replace(fields=fields, time=now if changed else out[who].time)
    else:
        del out[who]
    return Applied(tree if changed else None, managers.cap(out))


def _prune(scope: Scope, merged: Tree, managed: Managed, last: Owned | None) -> Tree:
    """The merged object without what the manager applied last time and nobody applies now."""
    if last is None or not last.fields:
        return merged
    there = scope.at(merged, last.version)
    if there is None:
        return merged
    whole, node = there
    pruned = typed.without(whole, typed.with_named_fields(last.fields, node), node)
    pruned = _add_back_owned(scope, whole, pruned or {}, node, last.version, managed)
    pruned = _add_back_dangling(whole, pruned, node, last)
    if last.version == scope.version:
        return pruned
    back = scope.convert(pruned, scope.version)
    return merged if back is None else back[0]


def _add_back_owned(scope: Scope, merged: Tree, pruned: Tree, node: Node, version: str, managed: Managed) -> Tree:
    """Put back what other appliers (or the new configuration) apply."""
    at_version: dict[str, FieldSet] = {version: {}}
    for owned in managed.values():
        if owned.applied:
            at_version[owned.version] = fieldset.union(at_version.get(owned.version, {}), owned.fields)
    here = version
    for other, fields in at_version.items():
        if not fields:
            continue
        if other != here:
            one, two = _convert(scope, merged, here, other), _convert(scope, pruned, here, other)
            if one is None or two is None:
                continue
            merged, node = one
            pruned, here = two[0], other
        whole = typed.with_named_fields(typed.field_set(merged, node), node)
        kept = typed.with_named_fields(typed.field_set(pruned, node), node)
        claimed = typed.with_named_fields(fields, node)
        rest = fieldset.difference(whole, fieldset.union(kept, claimed))
        pruned = typed.without(merged, rest, node) or {}
    if here != version:
        back = _convert(scope, pruned, here, version)
        return merged if back is None else back[0]
    return pruned


def _convert(scope: Scope, tree: Tree, here: str, version: str) -> tuple[Tree, Node] | None:
    return scope.convert(tree, version) if version != here else (tree, scope.node)


def _add_back_dangling(merged: Tree, pruned: Tree, node: Node, last: Owned) -> Tree:
    """Put back what was removed although the manager had not applied it."""
    kept = typed.with_named_fields(typed.field_set(pruned, node), node)
    whole = typed.with_named_fields(typed.field_set(merged, node), node)
    mine = typed.with_named_fields(last.fields, node)
    rest = fieldset.intersection(fieldset.difference(whole, kept), mine)
    found: Any = typed.without(merged, rest, node)
    return found or {}
