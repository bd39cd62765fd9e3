"""A typed selector: what each condition finds, where a mistake is and what it means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8snb.api.selectors import SelectorError, parse
from k8snb.views.selector import selector_lines, selector_view

LABELS: tuple[dict[str, str], ...] = ({"app": "web", "tier": "front"}, {"app": "shop"}, {})


@pytest.mark.parametrize(
    ("written", "counts", "together"),
    [
        pytest.param("", [], 3, id="empty"),
        pytest.param("app=web", [1], 1, id="equal"),
        pytest.param("app in (web,shop),!tier", [2, 2], 1, id="set-and-missing"),
        pytest.param("tier!=front", [2], 2, id="not-equal-also-without"),
        pytest.param("app=web,app=shop", [1, 1], 0, id="never-both"),
    ],
)
def test_each_condition_is_counted_alone(written: str, counts: list[int], together: int) -> None:
    view = selector_view(written, LABELS)

    assert ([c.count for c in view.conditions], view.count, view.error) == (counts, together, "")


@pytest.mark.parametrize(
    ("written", "wrong", "problem"),
    [
        pytest.param("app=web and tier=x", "and", "and", id="and"),
        pytest.param("app=web or app=shop", "or", "or", id="or"),
        pytest.param("app=web||tier=x", "app=web||tier", "or", id="bars"),
        pytest.param("!app=web", "=", "not-equal", id="not-key-equals"),
        pytest.param("app in web", "web", "open", id="in-without-list"),
        pytest.param("app in (web", "", "list", id="list-without-end"),
        pytest.param("app=(a,b)", "(", "value-list", id="list-for-equal"),
        pytest.param("app: web", "app:", "colon", id="yaml"),
        pytest.param("app='web'", "app='web'", "quotes", id="quotes"),
        pytest.param("app=web,", "", "after-comma", id="comma-at-the-end"),
        pytest.param("=web", "=", "start", id="no-key"),
        pytest.param("app web", "web", "operator", id="no-operator"),
        pytest.param("a/b/c=x", "a/b/c", "key", id="two-slashes"),
        pytest.param("tier=x,app=we b", "b", "comma", id="space-in-value"),
        pytest.param("tier=x, app=-x", "app=-x", "content", id="value-not-allowed"),
        pytest.param("n>x", "n>x", "content", id="no-number"),
    ],
)
def test_a_mistake_has_its_place_and_its_explanation(written: str, wrong: str, problem: str) -> None:
    view = selector_view(written, LABELS)
    lines = selector_lines(view, "en")

    assert (written[view.start : view.end], view.problem) == (wrong, problem)
    with pytest.raises(SelectorError) as caught:
        parse(written)
    assert lines[:3] == [written, " " * view.start + "^" * (view.end - view.start), str(caught.value)]
    assert view.why("zh") != view.why("en") != ""


@pytest.mark.parametrize(
    ("written", "hint", "meant"),
    [
        pytest.param("app=wbe", "value-like", "app=web", id="slip-in-value"),
        pytest.param("apps=web", "key-like", "app", id="slip-in-key"),
        pytest.param("app=database", "value", "app=web, app=shop", id="other-value"),
        pytest.param("colour=red", "key", "", id="unknown-key"),
        pytest.param("metadata.name=web", "field", "", id="a-field"),
    ],
)
def test_why_a_condition_finds_nothing(written: str, hint: str, meant: str) -> None:
    (condition,) = selector_view(written, LABELS).conditions

    assert (condition.count, condition.hint, condition.meant) == (0, hint, meant)
    assert meant in condition.hint_text("en")


@given(st.text(alphabet="abin(),=! <>'.:/-&|", max_size=16))
def test_any_text_is_told(written: str) -> None:
    view = selector_view(written, LABELS)

    assert len(selector_lines(view, "en")) == len(selector_lines(view, "zh")) > 0
    assert 0 <= view.start <= len(written)
    assert bool(view.error) == (view.start < view.end)
