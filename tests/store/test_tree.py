"""Prefix listing in key order, and trees that share without being felt."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8snb.store.tree import KeyTree
from k8snb.store.types import KeyValue
from tests.store.helpers import keys


def version(key: str, revision: int = 1) -> KeyValue:
    return KeyValue(key, revision, revision, revision, 1)


def tree_of(*names: str) -> KeyTree:
    tree = KeyTree()
    for name in names:
        tree.set(version(name))
    return tree


CLUSTER = (
    "/registry/pods/default/web-2",
    "/registry/pods/default/web-1",
    "/registry/pods/default-b/web-1",
    "/registry/pods/kube-system/dns",
    "/registry/podtemplates/default/t",
    "/registry/services/specs/default/web",
    "/registry/services/odd",
    "/registry/services/zone",
    "bare",
)


@pytest.mark.parametrize(
    ("prefix", "limit", "start", "expected", "more", "count"),
    [
        pytest.param(
            "/registry/pods/",
            0,
            "",
            [
                "/registry/pods/default-b/web-1",
                "/registry/pods/default/web-1",
                "/registry/pods/default/web-2",
                "/registry/pods/kube-system/dns",
            ],
            False,
            4,
            id="a kind, in key order and not in order of namespaces",
        ),
        pytest.param(
            "/registry/pods/default/",
            0,
            "",
            ["/registry/pods/default/web-1", "/registry/pods/default/web-2"],
            False,
            2,
            id="a namespace",
        ),
        pytest.param("/registry/pods/default/web-2", 0, "", ["/registry/pods/default/web-2"], False, 1, id="one key"),
        pytest.param(
            "/registry/pods/default",
            0,
            "",
            ["/registry/pods/default-b/web-1", "/registry/pods/default/web-1", "/registry/pods/default/web-2"],
            False,
            3,
            id="half a namespace's name",
        ),
        pytest.param(
            "/registry/services/",
            0,
            "",
            ["/registry/services/odd", "/registry/services/specs/default/web", "/registry/services/zone"],
            False,
            3,
            id="a directory inside another interleaves",
        ),
        pytest.param(
            "/registry/services/",
            2,
            "",
            ["/registry/services/odd", "/registry/services/specs/default/web"],
            True,
            3,
            id="a page across interleaving directories",
        ),
        pytest.param(
            "/registry/pods/",
            2,
            "/registry/pods/default-b/web-1\0",
            ["/registry/pods/default/web-1", "/registry/pods/default/web-2"],
            True,
            3,
            id="the next page",
        ),
        pytest.param(
            "/registry/pods/",
            2,
            "/registry/pods/default/web-2\0",
            ["/registry/pods/kube-system/dns"],
            False,
            1,
            id="the last page",
        ),
        pytest.param("b", 0, "", ["bare"], False, 1, id="a key without directory"),
        pytest.param("/registry/secrets/", 0, "", [], False, 0, id="nothing"),
        pytest.param("", 1, "", ["/registry/pods/default-b/web-1"], True, 9, id="everything"),
    ],
)
def test_list(prefix: str, limit: int, start: str, expected: list[str], *, more: bool, count: int) -> None:
    found = tree_of(*CLUSTER).list(prefix, 7, limit, start)

    assert (expected, more, count, 7) == (keys(found.items), found.more, found.count, found.revision)


def test_a_listing_keeps_up_with_churn() -> None:
    tree = tree_of("/p/a", "/p/b", "/p/c")
    tree.list("/p/", 1)
    tree.remove("/p/b")
    tree.set(version("/p/d"))
    tree.set(version("/p/b", 2))
    tree.remove("/p/a")

    assert keys(tree.list("/p/", 1).items) == ["/p/b", "/p/c", "/p/d"]


def test_the_last_key_of_a_directory_takes_the_directory_along() -> None:
    tree = tree_of("/p/a/x")
    other = tree.copy()
    tree.remove("/p/a/x")

    assert keys(tree.list("/p/", 1).items) == []
    assert keys(other.list("/p/", 1).items) == ["/p/a/x"]


NAMES = st.sampled_from([*CLUSTER, "/registry/services/a", "/registry/services/specs/x", "/a/b/", "/", "a/"])
ACTS = st.one_of(
    st.tuples(st.just("set"), NAMES),
    st.tuples(st.just("remove"), NAMES),
    st.tuples(st.just("copy"), st.just("")),
    st.tuples(st.just("swap"), st.just("")),
    st.tuples(st.just("list"), st.sampled_from(["", "/", "/registry/", "/registry/services/", "/registry/pods/de"])),
)


@given(acts=st.lists(ACTS, max_size=60), limit=st.integers(0, 4), start=NAMES, insort=st.sampled_from([0, 1, 16]))
def test_a_tree_is_a_sorted_dictionary_and_so_are_its_copies(
    acts: list[tuple[str, str]], limit: int, start: str, insort: int
) -> None:
    tree, plain = KeyTree(), dict[str, int]()
    copies: list[tuple[KeyTree, dict[str, int]]] = []
    with patch("k8snb.store.tree._INSORT_LIMIT", insort):
        for number, (act, name) in enumerate(acts, 1):
            if act == "set":
                tree.set(version(name, number))
                plain[name] = number
            elif act == "remove" and name in plain:
                tree.remove(name)
                del plain[name]
            elif act == "copy":
                copies.append((tree.copy(), plain.copy()))
            elif act == "swap" and copies:
                copies.append((tree, plain))
                tree, plain = copies.pop(0)
            elif act == "list":
                found = tree.list(name, number, limit, start)
                matching = sorted(key for key in plain if key.startswith(name) and key >= start)
                page = matching[:limit] if limit else matching

                assert page == keys(found.items)
                assert (len(page) < len(matching), len(matching)) == (found.more, found.count)
        for shared, expected in [(tree, plain), *copies]:
            assert dict(sorted(expected.items())) == {item.key: item.value for item in shared.list("", 0).items}
            assert len(expected) == len(shared)
            assert set(expected) == set(keys(shared))
            assert [expected.get(name) for name in CLUSTER] == [
                getattr(shared.get(name), "value", None) for name in CLUSTER
            ]
