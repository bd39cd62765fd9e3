"""Both catalogues say the same things."""

from string import Formatter

import pytest

from k8snb import locale
from k8snb.locale import LANGUAGES

EN, ZH = LANGUAGES["en"], LANGUAGES["zh_CN"]


def placeholders(template: str) -> set[str]:
    return {name.partition(".")[0] for _, name, _, _ in Formatter().parse(template) if name}


def test_the_same_messages_exist_in_both_languages() -> None:
    assert sorted(EN) == sorted(ZH)


@pytest.mark.parametrize("message", sorted(EN))
def test_both_languages_use_the_same_values(message: str) -> None:
    assert placeholders(ZH[message]) == placeholders(EN[message])


def test_chinese_messages_are_chinese_and_english_ones_are_not() -> None:
    # a message that names only signs, keys or Kubernetes terms, or is a command to type, may be the same in both
    same = {
        m for m, t in EN.items() if ZH[m] == t and not m.startswith("arch.box.") and not t.startswith("{python} -m ")
    }

    assert same <= {
        "map.cpu",
        "map.revision",
        "sequence.did",
        "remedy.nodes",
        "arch.figure.revision",
        "arch.objects-of",
    }
    # the button that switches the language speaks the other one
    switch = {"stage.language", "stage.language.title"}
    assert [m for m, t in EN.items() if any("一" <= c <= "鿿" for c in t) and m not in switch] == []


@pytest.mark.parametrize(
    ("name", "expected"), [("zh", "zh_CN"), ("zh_CN.UTF-8", "zh_CN"), ("zh-CN", "zh_CN"), ("en", "en"), ("EN_us", "en")]
)
def test_usual_names_of_the_languages(name: str, expected: str) -> None:
    assert locale.canonical(name) == expected


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'fr'.*use 'zh' or 'en'"):
        locale.canonical("fr")


def test_the_environment_decides_until_the_reader_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locale, "_chosen", [])
    monkeypatch.setenv("K8SNB_LANG", "zh")
    assert locale.current() == "zh_CN"
    locale.use("en")

    assert locale.current() == "en"


def test_text_fills_in_values() -> None:
    assert locale.text("fact.created", "en", actor="user", object="Pod default/web") == "user created Pod default/web."
    assert locale.text("fact.created", "zh", actor="user", object="Pod default/web") == "user 创建了 Pod default/web。"


def test_languages_are_those_documented() -> None:
    assert sorted(LANGUAGES) == ["en", "zh_CN"]
