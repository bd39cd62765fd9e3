"""Predictions: choosing, comparing, and both languages."""

from __future__ import annotations

import pytest

from k8snb.locale import use
from k8snb.widgets.predict import predict


@pytest.fixture(params=["en", "zh"])
def language(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("k8snb.locale._chosen", [])
    use(request.param)
    return str(request.param)


def test_a_guess_is_made_in_the_widget_or_from_code() -> None:
    guess = predict(1, 2, 3)
    made = [guess.guess]
    guess.widget.value = 2
    made.append(guess.guess)
    guess.choose(1)
    made.append(guess.guess)
    guess.widget.value = None
    made.append(guess.guess)

    assert made == [None, 3, 1, None]


def test_words_are_shown_in_the_reader_s_language(language: str) -> None:
    guess = predict(("shorter", "更短"), ("longer", "更长"))
    guess.choose("longer")
    shown = {"en": ["shorter", "longer"], "zh": ["更短", "更长"]}[language]

    assert [label for label, _ in guess.widget.options] == shown
    assert guess.compare("longer").right
    assert shown[0] in repr(guess.compare("shorter"))
    assert f"[x] {shown[1]}" in repr(guess)


def test_only_what_is_offered_can_be_chosen() -> None:
    with pytest.raises(ValueError, match="4 is not among the options: 1, 2, 3"):
        predict(1, 2, 3).choose(4)
    with pytest.raises(ValueError, match="at least two options"):
        predict(1)


@pytest.mark.parametrize(
    ("guess", "actual", "right", "mark"),
    [
        pytest.param(None, 3, False, "•", id="none"),
        pytest.param(3, 3, True, "✓", id="right"),
        pytest.param(2, 3, False, "✗", id="wrong"),
        pytest.param("3", 3, True, "✓", id="the number as text"),
    ],
)
def test_the_guess_is_held_against_what_happens(
    language: str, guess: object, actual: object, right: bool, mark: str
) -> None:
    prediction = predict(1, 2, 3, "3")
    if guess is not None:
        prediction.choose(guess)
    found = prediction.compare(actual)

    assert (found.right, repr(found)[0], str(actual) in repr(found)) == (right, mark, True)


def test_the_text_shows_the_options_and_the_choice(language: str) -> None:
    guess = predict("kubelet", "kube-scheduler")
    guess.choose("kubelet")
    title = {"en": "Your guess:", "zh": "你的猜测："}[language]

    assert repr(guess) == f"{title} [x] kubelet / [ ] kube-scheduler"
    assert guess._repr_mimebundle_()["text/plain"] == repr(guess)
