"""Stages without a browser: a test plays the front end by its messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from k8snb.cluster import Cluster
from k8snb.widgets import live
from k8snb.widgets.stage import Stage
from tests.manifests import deployment


@pytest.fixture(autouse=True)
def nobody_else_follows() -> Iterator[None]:
    """Stages of other tests do not follow along."""
    live._STAGES.clear()
    yield
    live._STAGES.clear()


@pytest.fixture
def cluster() -> Cluster:
    """Two nodes and a settled Deployment of two pods."""
    made = Cluster(nodes=2)
    made.apply(deployment(replicas=2))
    made.settle()
    return made


def send(stage: Stage, **message: Any) -> None:
    """What the front end sends: a button, a key, a click, an acknowledgement."""
    stage._received(stage, message, [])


def acknowledge(stage: Stage) -> None:
    """The front end has shown the last frame."""
    send(stage, type="ack", number=stage.frame["number"])


def cell_has_run() -> None:
    """A cell of the notebook has ended."""
    live._after_cell()
