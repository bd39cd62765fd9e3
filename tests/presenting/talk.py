"""A small chapter with every kind of picture, two predictions and notes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MANIFEST = """%%apply
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "nginx:1.27"}]}"""
SHORT = (
    ("markdown", "slide", "# A talk\n\nOne cluster. [Next](01-walking-into-k8s.ipynb)"),
    ("code", "fragment", "from k8snb import Cluster, predict\n%load_ext k8snb\ncluster = Cluster(nodes=2)"),
    ("markdown", "notes", "Ask *why*."),
    ("markdown", "slide", "**Predict.** How many nodes?"),
    ("code", "fragment", "guess = predict(1, 2)\nguess"),
    ("code", "fragment", "guess.compare(len(cluster.nodes))"),
    ("code", "subslide", MANIFEST),
    ("code", "fragment", "cluster.settle()\ncluster"),
)
LONG = (
    *SHORT,
    ("markdown", "notes", "One *word* about **pause**."),
    ("code", "fragment", "cluster.sequence(cluster.pods[0])"),
    ("code", "fragment", "cluster.stepper('rs/' + cluster.replicasets[0].metadata.name)"),
    ("markdown", "slide", "**Predict.** How many Pods are there at most?"),
    ("code", "fragment", "guess = predict(3, 4)\nguess"),
    ("code", "fragment", "%kubectl set image deployment/web web=nginx:1.28\ncluster.settle()\nprint(guess.compare(4))"),
    ("code", "fragment", "cluster.rollout('deploy/web')"),
    ("code", "fragment", "cluster.ownership()"),
    ("code", "fragment", "cluster.matrix(80)"),
)


def write_talk(folder: Path, *cells: tuple[str, str, str], name: str = "talk.ipynb") -> Path:
    """Write cells (type, slide type, source) as a notebook, as Jupyter would; its path."""
    made: list[dict[str, Any]] = [
        {
            "cell_type": kind,
            "id": f"c{i}",
            "metadata": {"slideshow": {"slide_type": slide}},
            "source": source.splitlines(keepends=True),
            **({"outputs": [], "execution_count": None} if kind == "code" else {}),
        }
        for i, (kind, slide, source) in enumerate(cells)
    ]
    path = folder / name
    path.write_text(json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), encoding="utf-8")
    return path
