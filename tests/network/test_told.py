"""Answers and traces in words, in both languages; every station and step that the code knows has its words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import k8snb.network
from k8snb.explain.traffic import HOPS
from k8snb.locale import LANGUAGES
from k8snb.network.told import told_hop
from k8snb.network.trace import Hop
from tests.network.world import two_webs

FACTS = dict.fromkeys(
    ("address", "phase", "addresses", "tried", "endpoint", "of", "rule", "node", "asked", "ports", "ready", "endpoints",
     "policies", "port", "status", "listens"), "x",
)  # fmt: skip
SOURCES = "".join(path.read_text() for path in Path(k8snb.network.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("known", HOPS)
def test_every_station_has_words(known: str, language: str) -> None:
    where, _, code = known.partition(":")
    messages = LANGUAGES[language]

    assert f"hop.{where}.{code}" in messages or f"hop.{code}" in messages
    assert "{" not in told_hop(Hop(where, "name", code, FACTS), language)


@pytest.mark.parametrize("code", sorted(set(re.findall(r'trail\.step\(\s*[^,]+,\s*"([a-z-]+)"', SOURCES))))
def test_every_step_has_words(code: str) -> None:
    assert f"packet.code.{code}" in LANGUAGES["en"]


def test_an_answer_in_both_languages() -> None:
    rig = two_webs()
    answer = rig.request("pod/client", "http://web/")
    english, chinese = answer.text("en").splitlines(), answer.text("zh").splitlines()
    tail = next(h for h in answer.hops if h.code == "chose").facts

    assert "  → Pod default/client: sends the request from 10.244.0.3" in english
    assert "  → DNS web: web.default.svc.cluster.local is 10.96.1.1" in english
    assert (
        f"  → Service default/web: 10.96.1.1:80 became the endpoint {tail['endpoint']}, one of 2 ({tail['rule']})"
        in english
    )
    assert "  → Pod default/client: 从 10.244.0.3 发出请求" in chinese
    assert f"  → Service default/web: 10.96.1.1:80 被换成端点 {tail['endpoint']}，共 2 个（{tail['rule']}）" in chinese


def test_what_a_tool_prints_is_the_same_in_every_language() -> None:
    answer = two_webs().request("pod/client", "http://nope/")

    assert [answer.text(language).splitlines()[0] for language in ("en", "zh")] == [
        "curl: (6) Could not resolve host: nope"
    ] * 2
    assert "✗ DNS nope: does not exist; asked were nope.default.svc.cluster.local" in answer.text("en")
    assert "✗ DNS nope: 不存在；依次查询了 nope.default.svc.cluster.local" in answer.text("zh")


def test_a_trace_in_both_languages() -> None:
    rig = two_webs()
    trace = rig.network.trace("pod/client", "http://10.96.1.1/", rig.runtime.processes["kubelet"].view)
    english, chinese = trace.text("en"), trace.text("zh")

    assert re.search(
        r"→ pod/default/client +the program opens a connection +10\.244\.0\.3:\d+ → 10\.96\.1\.1:80", english
    )
    assert re.search(r"← pod/default/client +发起方收到 +10\.96\.1\.1:80 → 10\.244\.0\.3:\d+", chinese)
    assert len(english.splitlines()) == len(chinese.splitlines()) == len(trace.steps) + 2
    assert repr(trace) in (english, chinese)


def test_a_station_of_ones_own_is_told_as_it_is() -> None:
    assert told_hop(Hop("mesh", "sidecar", "encrypted", {"by": "mTLS"}), "en") == "→ mesh sidecar: encrypted by=mTLS"
