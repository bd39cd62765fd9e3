"""A packet's way and the reachability matrix: data, picture, text, and the stages that show them."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from k8snb.cluster import Cluster
from k8snb.locale import LANGUAGES
from k8snb.network.trace import Trace
from k8snb.notebook import Cluster as DrawnCluster
from k8snb.views.packet import BANDS, packet_text, packet_view
from k8snb.views.packet_svg import draw_packet
from k8snb.views.reach import draw_reach, reach_text

WORLD = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {nodeName: worker-2, containers: [{name: c, image: "traefik/whoami:v1.11"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {nodeName: worker-1, containers: [{name: c, image: busybox, command: [sleep, infinity]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""
DENY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}
"""


@pytest.fixture(scope="module")
def cluster() -> DrawnCluster:
    made = DrawnCluster(nodes=2)
    made.apply(WORLD)
    made.settle()
    return made


@pytest.fixture(scope="module")
def trace(cluster: DrawnCluster) -> Trace:
    return cluster.trace("pod/client", "http://web/")


def test_a_way_passes_all_three_networks(trace: Trace) -> None:
    view = packet_view(trace, "en")

    assert view.places == ("dns", "pod/default/client", "node/worker-1", "wire", "node/worker-2", "pod/default/web")
    assert {spot.band for spot in view.spots} == set(BANDS)
    assert [s.code for s in view.spots if s.band == "node"] == ["encapsulate", "wire", "decapsulate", "wire"]


def test_table_shows_what_each_step_changed(trace: Trace) -> None:
    changed = {s.code: s.changed for s in trace.steps if s.code in ("encapsulate", "decapsulate")}

    assert changed["encapsulate"] == ("smac", "dmac", "outer")
    assert changed["decapsulate"] == ("device", "outer")
    rules = [s for s in trace.steps if s.code == "rule"]
    assert [s.changed for s in rules] == [(), (), (), ("dst",)]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("projector", [False, True])
def test_every_step_can_be_drawn(trace: Trace, language: str, projector: bool) -> None:
    view = packet_view(trace, language)
    for step in range(len(view.spots) + 1):
        drawn = ElementTree.fromstring(draw_packet(view, language, step, projector, live=bool(step)))
        keys = [g.get("data-key") for g in drawn.iter("{http://www.w3.org/2000/svg}g") if g.get("data-key")]

        assert keys.count("packet") == 1
        assert len(set(keys)) == len(keys)


def test_a_rule_is_told_in_full_at_its_step(trace: Trace) -> None:
    view = packet_view(trace, "en")
    rule = next(spot for spot in view.spots if "DNAT --to-destination" in spot.detail)
    drawn = "".join(ElementTree.fromstring(draw_packet(view, "en", rule.number)).itertext())

    assert rule.detail.rpartition("/")[2][-40:] in drawn
    assert rule.detail[:60] in drawn


def test_failures_are_drawn_where_they_happen(cluster: DrawnCluster) -> None:
    view = packet_view(cluster.trace("pod/client", "http://nope/"), "en")

    assert [(s.sign, s.place, s.said) for s in view.spots][-1] == ("✗", "dns", "no such name")
    assert "nope" in draw_packet(view, "en")


def test_text_twin_tells_every_step(trace: Trace) -> None:
    lines = packet_text(packet_view(trace, "zh"), "zh").splitlines()

    assert sum(bool(re.match(r" *\d+ [→←✗]", line)) for line in lines) == len(trace.steps)
    assert any("已改变" in line and "外层封装" in line for line in lines)


def test_every_code_of_a_step_has_words() -> None:
    from pathlib import Path

    from k8snb import network

    folder = Path(network.__file__).parent
    text = "".join((folder / name).read_text() for name in ("journey.py", "network.py"))
    used = set(re.findall(r'\.step\(\s*(?:f?"[^"]*"|[\w.]+),\s*"([a-z-]+)"', text))
    known = {m.removeprefix("packet.code.") for m in LANGUAGES["en"] if m.startswith("packet.code.")}

    assert len(used) > 20
    assert used - known == set()


def test_stage_moves_through_the_steps(cluster: DrawnCluster) -> None:
    picture = cluster.packet("pod/client", "http://web/", language="en")
    stage = picture.stage
    count = len(stage.trace.steps)
    seen = [stage.at]
    for message in ({"type": "step"}, {"type": "knob", "value": 9}, {"type": "knob", "value": 999}, {"type": "reset"}):
        stage.command(message)
        seen.append(stage.at)
    stage.play()  # without an event loop it goes to the end at once
    stage.select("Step/5")

    assert seen == [1, 2, 9, count, 1]
    assert (stage.at, stage.playing) == (5, False)
    assert stage.frame["knobs"][0]["value"] == 5
    assert stage.detail["tabs"][0]["facts"][0]["text"].startswith("node/worker-1")
    assert repr(picture).startswith("The way of a packet")


def test_stage_of_a_request_that_sends_nothing() -> None:
    made = DrawnCluster(nodes=1)
    made.apply(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {nodeSelector: {a: b}, containers: [{name: c, image: busybox}]}\n"
    )
    made.settle()

    assert made.packet("pod/p", "http://web/", language="en").stage.frame["spoken"].endswith("Pending")


def test_matrix_before_and_after() -> None:
    made = Cluster(nodes=2)
    made.apply(WORLD)
    made.settle()
    before = made.reachability()
    made.apply(DENY)
    after = made.reachability()
    drawn = draw_reach(after, "en", "Pair/default/client/default/web", before=before)

    assert drawn.count('data-state="now-denied"') == 1
    assert 'aria-pressed="true"' in drawn
    assert reach_text(after, "en", before).splitlines()[-1] == (
        "default/client → default/web: no longer allowed (Egress: no policy isolates it; Ingress: isolated by default/deny, no rule allows it)"
    )
    assert "从" not in reach_text(after, "en")


def test_matrix_stage_tells_the_rule() -> None:
    made = DrawnCluster(nodes=2)
    made.apply(WORLD)
    made.settle()
    before = made.reachability()
    made.apply(DENY)
    stage = made.matrix(before=before, language="zh").stage
    stage.select("Pair/default/client/default/web")

    assert [f["mark"] for f in stage.detail["tabs"][0]["facts"]] == ["✓", "✗"]
    assert "default/deny" in stage.detail["tabs"][0]["facts"][1]["text"]
