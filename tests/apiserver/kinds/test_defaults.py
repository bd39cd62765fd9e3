"""Laws of defaulting: what is complete stays the very same object, and nothing is filled in twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8snb.api.codec import to_dict
from k8snb.api.decode import decode_manifests, decode_object
from k8snb.api.scheme import SCHEME
from k8snb.api.unstructured import Unstructured
from k8snb.apiserver.kinds import STRATEGIES, strategy_for
from tests.apiserver.kinds.manifests import GOOD, manifest

RECORDED = Path(__file__).parents[2] / "golden" / "api" / "open" / "defaults.jsonl"


def _known(text: str) -> str:
    """The text with numbers and times for what was masked in the recording."""
    return text.replace('"<nodePort>"', "30000").replace("<time>", "2026-01-01T00:00:00Z")


def recorded() -> dict[str, tuple[Any, dict[str, Any]]]:
    """By id: what was sent and what was stored, of the kinds with a type."""
    found = {}
    for line in _known(RECORDED.read_text()).splitlines():
        record = json.loads(line)
        request, answer = record["request"], record["response"]["body"]
        if SCHEME.for_manifest(answer).type is not Unstructured and "status" not in request["path"]:
            found[record["id"]] = (request.get("body") or request["raw"], answer)
    return found


RECORDS = recorded()


def typed(tree: Any) -> Any:
    """The object that a manifest describes."""
    if isinstance(tree, str):
        tree = decode_manifests(tree)[0].body
    return decode_object(tree, SCHEME.for_manifest(tree), "Ignore")[0]


@pytest.mark.parametrize("name", RECORDS)
def test_what_is_complete_stays_the_same_object(name: str) -> None:
    sent, _ = RECORDS[name]
    obj = typed(sent)
    default = strategy_for(SCHEME.of(obj)).default

    once = default(obj)

    assert default(once) is once


@pytest.mark.parametrize("name", RECORDS)
def test_what_is_stored_has_all_defaults(name: str) -> None:
    _, stored = RECORDS[name]
    obj = typed(stored)

    assert to_dict(strategy_for(SCHEME.of(obj)).default(obj)) == stored


def test_every_kind_has_one_strategy() -> None:
    served = [pair for kind in STRATEGIES for pair in kind.serves]

    assert sorted(served) == sorted(set(served))
    assert [pair for pair in served if SCHEME.find(*pair) is None] == []


SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "spec.replicas": st.one_of(st.none(), st.integers(0, 5)),
    "spec.minReadySeconds": st.one_of(st.none(), st.integers(0, 5)),
    "spec.template.spec.restartPolicy": st.sampled_from([None, "Always", "Never"]),
    "spec.template.spec.dnsPolicy": st.sampled_from([None, "Default"]),
    "spec.template.spec.terminationGracePeriodSeconds": st.sampled_from([None, 0, 30]),
    "spec.template.spec.containers.0.image": st.sampled_from(
        ["a", "a:latest", "a:1", "r.io:5000/a@sha256:" + "0" * 64]
    ),
    "spec.template.spec.containers.0.ports": st.lists(
        st.fixed_dictionaries({"containerPort": st.integers(1, 9)}, optional={"protocol": st.just("UDP")}), max_size=2
    ),
    "spec.template.spec.containers.0.readinessProbe": st.sampled_from(
        [None, {"httpGet": {"port": 80}}, {"tcpSocket": {"port": 80}, "periodSeconds": 3}, {"grpc": {"port": 1}}]
    ),
    "spec.template.spec.containers.0.resources": st.sampled_from(
        [None, {"limits": {"cpu": "1"}}, {"limits": {"cpu": "0.0001"}, "requests": {"memory": "1.5"}}]
    ),
    "spec.template.spec.volumes": st.lists(
        st.sampled_from([{"name": "a"}, {"name": "b", "secret": {}}, {"name": "c", "projected": {}}]), max_size=3
    ),
}


@given(
    kind=st.sampled_from(["deployments", "daemonsets", "statefulsets", "replicasets", "jobs"]),
    changes=st.fixed_dictionaries(SCALARS),
)
def test_defaults_are_filled_in_once(kind: str, changes: dict[str, Any]) -> None:
    obj = typed(SCHEME_HEAD[kind] | manifest(kind, changes))
    default = strategy_for(SCHEME.of(obj)).default

    once = default(obj)

    assert default(once) is once
    assert to_dict(default(typed(to_dict(once)))) == to_dict(once)


SCHEME_HEAD = {
    kind: {"apiVersion": SCHEME.resolve(kind).api_version, "kind": SCHEME.resolve(kind).kind} for kind in GOOD
}
