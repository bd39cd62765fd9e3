"""Ownership graph and sequence as stages: drawn in the language, larger for a projector, and each thing can be chosen."""

from __future__ import annotations

import pytest

from k8snb.cluster import Cluster
from k8snb.widgets import OwnershipGraph, PodSequence
from tests.widgets.conftest import send


@pytest.mark.parametrize(
    ("language", "title"), [("en", "Who belongs to whom in namespace default"), ("zh", "命名空间 default 中的归属关系")]
)
def test_the_graph_speaks_the_language(cluster: Cluster, language: str, title: str) -> None:
    stage = OwnershipGraph(cluster, language=language)

    assert f'aria-label="{title}"' in stage.frame["svg"]
    assert stage.frame["spoken"].startswith(title)


def test_a_click_on_an_owner_tells_of_it(cluster: Cluster) -> None:
    stage = OwnershipGraph(cluster, language="en")
    send(stage, type="select", ref="Deployment/default/web")

    assert stage.detail["title"] == "Deployment default/web"
    assert 'data-ref="Deployment/default/web" aria-pressed="true"' in stage.frame["svg"]


def test_a_click_on_a_message_shows_its_revision(cluster: Cluster) -> None:
    stage = PodSequence(cluster, cluster.pods[0], language="en")
    ref = stage.frame["svg"].partition('data-ref="Revision/')[2].partition('"')[0]
    send(stage, type="select", ref=f"Revision/{ref}")

    assert stage.detail["title"].startswith(f"r{ref} ")
    assert [tab["id"] for tab in stage.detail["tabs"]] == ["why", "yaml", "change"]


@pytest.mark.parametrize("kind", [OwnershipGraph, PodSequence])
def test_projector_mode_draws_on_fewer_units(cluster: Cluster, kind: type[OwnershipGraph] | type[PodSequence]) -> None:
    def width(stage: OwnershipGraph | PodSequence) -> float:
        return float(stage.frame["svg"].partition('viewBox="0 0 ')[2].split()[0])

    stage = OwnershipGraph(cluster) if kind is OwnershipGraph else PodSequence(cluster, cluster.pods[0])
    before = width(stage)
    send(stage, type="projector")

    assert width(stage) < before
