"""Random and mutated manifests in a whole cluster: a mistake is told in words, and whatever is accepted harms nobody.

Manifests of every kind are mutated at any depth and applied as YAML to a running cluster; time passes, the components deal
with what was accepted, everything is explained, listed and described. `K8SNB_FUZZ_CLUSTER=5000` makes a longer run.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from k8snb.cluster import Cluster
from k8snb.explain import explain
from k8snb.kubectl import run
from tests.apiserver.test_fuzz import SCRAPS, corpus

COUNT = int(os.environ.get("K8SNB_FUZZ_CLUSTER", "400"))
CHUNK = 40


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all values in a tree."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def mutated(tree: Any, chance: random.Random) -> Any:
    """The tree with one value anywhere in it replaced by a scrap, by another value of the tree, or taken out."""
    tree = yaml.safe_load(yaml.safe_dump(tree))
    found = list(places(tree))
    if not found:
        return tree
    path = chance.choice(found)
    parent = tree
    for step in path[:-1]:
        parent = parent[step]
    act = chance.random()
    if act < 0.25:
        del parent[path[-1]]
    elif act < 0.5:
        other: Any = tree
        for step in chance.choice(found):
            other = other[step]
        parent[path[-1]] = yaml.safe_load(yaml.safe_dump(other))
    else:
        parent[path[-1]] = chance.choice(SCRAPS)
    return tree


def look(cluster: Cluster, seed: int) -> None:
    """Explain, list and describe everything."""
    for resource in cluster.scheme.resources:
        if not resource.listable:
            continue
        for obj in cluster.objects(resource):
            try:
                assert explain(cluster, obj).text("en")
            except Exception as error:
                raise AssertionError(f"seed {seed}: explaining {obj!r}") from error
        for command in (f"get {resource.qualified} -A -o wide", f"describe {resource.qualified} -A"):
            try:
                result = run(cluster, command)
            except Exception as error:
                raise AssertionError(f"seed {seed}: kubectl {command}") from error
            assert "Traceback" not in result.stderr


@pytest.mark.parametrize("chunk", range(max(1, COUNT // CHUNK)))
def test_mutated_manifests_in_a_cluster(chunk: int) -> None:
    cluster = Cluster(nodes=2, seed=chunk)
    accepted = 0
    for index in range(min(CHUNK, COUNT)):
        seed = chunk * CHUNK + index
        chance = random.Random(seed)
        body = chance.choice(corpus())[1]
        if isinstance(body.get("metadata"), dict):
            body = {**body, "metadata": {k: v for k, v in body["metadata"].items() if k != "namespace"}}
        for _ in range(chance.choice([0, 0, 0, 1, 1, 2])):
            body = mutated(body, chance)
        if not isinstance(body, dict):
            continue
        text = yaml.safe_dump(body, allow_unicode=True)
        try:
            cluster.apply(text)
            accepted += 1
        except Exception as error:
            if not hasattr(error, "_render_traceback_"):  # not a sentence for the reader
                raise AssertionError(f"seed {seed}: {text}") from error
        try:
            cluster.run(3)
        except Exception as error:
            raise AssertionError(f"seed {seed}: running on after {text}") from error
    try:
        cluster.run(120)
    except Exception as error:
        raise AssertionError(f"chunk {chunk}: running on") from error
    look(cluster, chunk)
    assert accepted > 0
