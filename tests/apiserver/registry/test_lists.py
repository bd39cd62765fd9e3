"""Lists: order, pages, tokens, resource versions and selectors."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k8snb.apiserver.registry import continuation
from tests.apiserver.rig import Rig, config_map


def filled(*names: str) -> Rig:
    """A server with ConfigMaps; those at odd places are labelled."""
    rig = Rig()
    for index, name in enumerate(names):
        body = config_map(name)
        body["metadata"]["labels"] = {"odd": str(index % 2)}
        rig.create("configmaps", body)
    return rig


def pages(rig: Rig, limit: int, **options: Any) -> list[list[str]]:
    """The names on each page."""
    found, token = [], ""
    while True:
        answer = rig.send("list", "configmaps", limit=limit, continue_=token, **options)
        found.append([item.metadata.name or "" for item in answer.items or ()])
        token = answer.continue_
        if not token:
            return found


def test_items_come_in_the_order_of_their_names() -> None:
    assert filled("b", "a", "a.b", "c").names("configmaps") == ["a", "a.b", "b", "c"]


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(1, [["a"], ["b"], ["c"]]), (2, [["a", "b"], ["c"]]), (3, [["a", "b", "c"]]), (0, [["a", "b", "c"]])],
)
def test_pages(limit: int, expected: list[list[str]]) -> None:
    assert expected == pages(filled("a", "b", "c"), limit)


def test_later_pages_show_the_state_of_the_first() -> None:
    rig = filled("a", "b", "c", "d")
    first = rig.send("list", "configmaps", limit=2)
    rig.delete("configmaps", "c")
    rig.create("configmaps", config_map("bb"))

    second = rig.send("list", "configmaps", limit=2, continue_=first.continue_)

    assert first.remaining == 2
    assert [item.metadata.name for item in second.items or ()] == ["c", "d"]
    assert second.revision == first.revision


def test_pages_of_a_selection_are_full_and_know_no_rest() -> None:
    rig = filled("a", "b", "c", "d", "e")
    first = rig.send("list", "configmaps", limit=2, label_selector="odd=0")

    assert [item.metadata.name for item in first.items or ()] == ["a", "c"]
    assert first.remaining is None
    assert pages(rig, 2, label_selector="odd=0") == [["a", "c"], ["e"]]


def test_an_old_token_is_refused_with_one_to_go_on_with() -> None:
    rig = filled("a", "b", "c")
    token = rig.send("list", "configmaps", limit=1).continue_
    rig.create("configmaps", config_map("bb"))
    rig.store.compact(rig.store.revision)

    error = rig.refusal("list", "configmaps", limit=1, continue_=token)
    rest = rig.send("list", "configmaps", continue_=error.continue_)

    assert (error.code, error.reason) == (410, "Expired")
    assert [item.metadata.name for item in rest.items or ()] == ["b", "bb", "c"]


def test_exact_versions_read_the_past() -> None:
    rig = filled("a", "b")
    version = str(rig.store.revision)
    rig.delete("configmaps", "a")

    past = rig.send("list", "configmaps", resource_version=version, resource_version_match="Exact")
    present = rig.send("list", "configmaps", resource_version=version, resource_version_match="NotOlderThan")

    assert [item.metadata.name for item in past.items or ()] == ["a", "b"]
    assert [item.metadata.name for item in present.items or ()] == ["b"]


TOKENS = {
    "nope": "continue key is not valid: invalid character '\\x9e' looking for beginning of value",
    "x": "continue key is not valid: illegal base64 data at input byte 0",
    "e30": "continue key is not valid: server does not recognize this encoded version ",
    "*": "continue key is not valid: illegal base64 data at input byte 0",
}


@pytest.mark.parametrize("token", TOKENS)
def test_bad_tokens(token: str) -> None:
    error = Rig().refusal("list", "configmaps", continue_=token)

    assert error.message == f"invalid continue token: {TOKENS[token]}"


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz.-", min_size=1), st.integers(1, 1 << 60))
def test_tokens_lead_back(name: str, revision: int) -> None:
    prefix = "/registry/configmaps/default/"
    parts_ok = name not in (".", "..")

    token = continuation.encode(prefix, prefix + name, revision)

    if parts_ok:
        assert continuation.decode(token, prefix) == (f"{prefix}{name}\0", revision)


@given(st.text())
@settings(max_examples=200)
def test_no_token_breaks_the_server(token: str) -> None:
    try:
        continuation.decode(token, "/registry/configmaps/")
    except continuation.TokenError as error:
        said = str(error)
    else:
        said = "continue key is not valid"

    assert said.startswith("continue key is not valid")
