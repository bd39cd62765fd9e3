"""Server-side apply's laws: nobody's fields change unasked, applying is idempotent, giving up removes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8snb.api.codec import from_dict, to_dict
from k8snb.api.types.apps_v1 import Deployment
from k8snb.apiserver.patch.apply import fieldset, managers, schema, typed, updater
from k8snb.apiserver.patch.apply.managers import Managed, Manager
from k8snb.apiserver.patch.tree import Tree
from tests.apiserver.patch.trees import DEPLOYMENTS

SCOPE = updater.Scope("apps/v1", schema.of_type(Deployment), fieldset.of(("f:status",)), lambda tree, version: None)
EMPTY = to_dict(Deployment())
ONE, TWO = managers.manager("one", "Apply", "apps/v1"), managers.manager("two", "Apply", "apps/v1")
STEPS = st.lists(st.tuples(st.sampled_from([ONE, TWO]), DEPLOYMENTS, st.booleans()), min_size=1, max_size=4)


def apply(live: Tree, managed: Managed, who: Manager, config: Tree, force: bool = True) -> tuple[Tree, Managed]:
    found = updater.apply(SCOPE, live, config, managed, who, "now", force=force, empty=EMPTY)
    # As on the server, the object is decoded in between: an empty list and an absent one are the same.
    return (live if found.tree is None else to_dict(from_dict(Deployment, found.tree))), found.managed


def value_at(tree: Any, path: tuple[str, ...], node: schema.Node) -> Any:
    """The value at a path of a field set."""
    for element in path:
        if element.startswith("f:"):
            assert node.map is not None
            tree = tree.get(element[2:]) if isinstance(tree, dict) else None
            node = node.map.field(element[2:]) or schema.DEDUCED
        else:
            assert node.list is not None
            tree = next((item for item in tree or () if typed._element_of(node.list, item) == element), None)
            node = node.list.element
    return tree


def run(steps: list[tuple[Manager, Tree, bool]]) -> tuple[Tree, Managed]:
    live, managed = EMPTY, Managed()
    for who, config, force in steps:
        try:
            live, managed = apply(live, managed, who, config, force)
        except updater.Conflicts:
            continue
    return live, managed


@given(STEPS)
def test_applying_again_changes_nothing(steps: list[tuple[Manager, Tree, bool]]) -> None:
    live, managed = run(steps)
    who, config, _ = steps[-1]
    live, managed = apply(live, managed, who, config)

    assert (live, managed) == apply(live, managed, who, config)


@given(STEPS, DEPLOYMENTS)
def test_without_force_the_fields_of_others_keep_their_values(
    steps: list[tuple[Manager, Tree, bool]], config: Tree
) -> None:
    live, managed = run(steps)
    theirs = managed[TWO].fields if TWO in managed else {}
    before = {path: value_at(live, path, SCOPE.node) for path in fieldset.paths(theirs)}
    try:
        after, owners = apply(live, managed, ONE, config, force=False)
    except updater.Conflicts:
        return
    leaves = [path for path, value in before.items() if not isinstance(value, dict | list)]

    assert {path: before[path] for path in leaves} == {path: value_at(after, path, SCOPE.node) for path in leaves}
    # An empty struct that was owned as such may vanish with its last field; values stay owned.
    kept = set(fieldset.paths(owners[TWO].fields)) if TWO in owners else set()
    assert [path for path in leaves if before[path] is not None and path not in kept] == []


@given(STEPS, DEPLOYMENTS)
def test_the_applier_owns_what_it_applied_and_the_object_has_it(
    steps: list[tuple[Manager, Tree, bool]], config: Tree
) -> None:
    live, managed = apply(*run(steps), ONE, config)
    mine = managers.strip(fieldset.recursive_difference(typed.field_set(config, SCOPE.node), SCOPE.ignored))

    assert mine == (managed[ONE].fields if ONE in managed else {})
    for path in fieldset.paths(mine):
        wanted = value_at(config, path, SCOPE.node)
        if not isinstance(wanted, dict | list):
            assert wanted == value_at(live, path, SCOPE.node)


@given(DEPLOYMENTS)
def test_giving_everything_up_leaves_nothing(config: Tree) -> None:
    live, managed = apply(EMPTY, {}, ONE, config)
    bare = {key: config[key] for key in ("apiVersion", "kind")} | {"metadata": {"name": "web"}}
    live, managed = apply(live, managed, ONE, bare)

    assert managed == {}
    assert "replicas" not in live["spec"] if "spec" in live else True
    assert not (((live.get("spec") or {}).get("template") or {}).get("spec") or {}).get("containers")


def test_conflicts_name_managers_and_paths() -> None:
    config: Tree = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 1}}
    live, managed = apply(EMPTY, {}, ONE, config)
    with pytest.raises(updater.Conflicts) as caught:
        apply(live, managed, TWO, {**config, "spec": {"replicas": 2}}, force=False)

    assert caught.value.message() == 'Apply failed with 1 conflict: conflict with "one": .spec.replicas'


def test_more_than_ten_updaters_are_folded() -> None:
    managed: Managed = {
        managers.manager(f"m{at:02}", "Update", "v1"): managers.Owned(
            fieldset.of(("f:data", f"f:{at}")), "v1", False, f"2026-01-01T00:00:{at:02}Z"
        )
        for at in range(12)
    }

    capped = managers.cap(managed)

    assert [who.name for who in capped] == [*(f"m{at:02}" for at in range(3, 12)), "ancient-changes"]
    ancient = capped[managers.manager("ancient-changes", "Update", "v1")]
    assert ancient.fields == fieldset.of(*(("f:data", f"f:{at}") for at in range(3)))
    assert ancient.time == "2026-01-01T00:00:02Z"


def test_entries_survive_writing_and_reading() -> None:
    config: Tree = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 1}}
    _, managed = apply(EMPTY, {}, ONE, config)

    assert managed == managers.decode(managers.encode(managed))
    assert managers.encode(managed) == [
        {
            "manager": "one",
            "operation": "Apply",
            "apiVersion": "apps/v1",
            "time": "now",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {"f:replicas": {}}},
        }
    ]
