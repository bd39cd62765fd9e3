"""Objects to plain data and back: what the API server wrote comes out again, field for field and in its order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8snb.api import (
    ConfigMap,
    Pod,
    Unstructured,
    from_dict,
    from_json,
    to_dict,
    to_json,
    to_yaml,
    yaml11,
)
from k8snb.api.schema import type_named
from k8snb.api.types import core_v1, discovery_v1
from k8snb.api.yamlout import dump

GOLDEN = Path(__file__).parent.parent / "golden" / "api" / "open"


def stored() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of a known kind that the API server answered with."""
    for name in ("defaults", "errors", "patches"):
        for line in (GOLDEN / f"{name}.jsonl").read_text().splitlines():
            record = json.loads(line)
            answers = [record.get("response", {}), *(step.get("response", {}) for step in record.get("steps", []))]
            for body in (answer.get("body") for answer in answers):
                text = json.dumps(body)
                # Lists leave out the kind of their items, and a node port was replaced by text in the recording.
                if not isinstance(body, dict) or "items" in body or "<nodePort>" in text:
                    continue
                if type_named(body.get("apiVersion", ""), body.get("kind", "")) is not None:
                    yield record["id"], body


OBJECTS = list(stored())


def test_all_recorded_objects_come_out_as_they_went_in() -> None:
    wrong = [name for name, body in OBJECTS if json.dumps(body) != json.dumps(to_dict(from_dict(None, body)))]

    assert wrong == []
    assert len(OBJECTS) > 1200


def test_json_and_dict_say_the_same() -> None:
    wrong = [
        name
        for name, body in OBJECTS[::7]
        if from_dict(None, body) != from_json(type_named(body["apiVersion"], body["kind"]), json.dumps(body))
    ]

    assert wrong == []


NO_ENDPOINTS = '"endpoints":null,"ports":null}'


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (core_v1.Namespace(), '{"kind":"Namespace","apiVersion":"v1","metadata":{},"spec":{},"status":{}}'),
        (
            core_v1.PodCondition(type="Ready"),
            '{"type":"Ready","status":"","lastProbeTime":null,"lastTransitionTime":null}',
        ),
        (core_v1.ResourceFieldSelector(resource="cpu"), '{"resource":"cpu","divisor":"0"}'),
        (
            discovery_v1.EndpointSlice(),
            '{"kind":"EndpointSlice","apiVersion":"discovery.k8s.io/v1","metadata":{},"addressType":"",' + NO_ENDPOINTS,
        ),
        (core_v1.PodList(), '{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[]}'),
        (core_v1.Toleration(), "{}"),
    ],
)
def test_what_go_always_writes_is_written(obj: Any, expected: str) -> None:
    assert expected == to_json(obj).decode()


def test_nothing_inside_a_decoded_object_can_change() -> None:
    pod: Any = from_dict(Pod, {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c"}]}})

    with pytest.raises(TypeError):
        pod.metadata.labels["a"] = "c"
    with pytest.raises(AttributeError):
        pod.spec.containers[0].name = "d"
    with pytest.raises(AttributeError):
        pod.spec.containers.append(1)


def test_custom_resources_keep_what_they_hold() -> None:
    body = {"apiVersion": "x.io/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 3, "parts": ["a"]}}
    widget: Any = from_dict(None, body)

    assert Unstructured is type(widget)
    assert (body, "w", 3) == (to_dict(widget), widget.metadata.name, widget.spec.size)
    with pytest.raises(AttributeError, match="Widget has no field 'status'; it has spec"):
        _ = widget.status
    assert widget.with_content(status={"ok": True}).status == {"ok": True}


def test_objects_introduce_themselves_briefly() -> None:
    pod = from_dict(Pod, {"metadata": {"name": "web-1", "namespace": "default"}})

    assert (
        repr(pod),
        repr(from_dict(None, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}})),
    ) == ("<Pod default/web-1>", "<Namespace x>")


PRINTED = """\
apiVersion: v1
data:
  block: |
    one
    two
  date: "2020-01-01"
  empty: ""
  folded: a line that is so long that it is folded where the eighty columns of a terminal
    of old have been passed
  number: "8080"
  port: 80:80
  quoted: 'a: b'
  sixty: "12:30"
  tab: "a\\tb"
  truth: "yes"
kind: ConfigMap
metadata:
  name: x
"""


def test_yaml_is_printed_as_kubectl_prints_it() -> None:
    config = from_dict(ConfigMap, yaml11.load(PRINTED).tree)

    assert to_yaml(config) == PRINTED


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({"a\nb": 1}, '"a\\nb": 1\n'),
        ({"k" * 129: 1}, f"? {'k' * 129}\n: 1\n"),
        ({"k" * 128: 1}, f"{'k' * 128}: 1\n"),
        ({"a10": 1, "a2": 2, "A": 3, "_": 4}, "_: 4\nA: 3\na2: 2\na10: 1\n"),
    ],
)
def test_keys_are_ordered_and_written_as_go_yaml_does(tree: Any, expected: str) -> None:
    assert expected == dump(tree)
    assert tree == yaml11.load(expected).tree


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(1 << 63), (1 << 63) - 1), st.text())
TREES = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3))
)


@given(TREES)
def test_printed_yaml_reads_back(tree: Any) -> None:
    assert tree == yaml11.load(dump(tree)).tree


@given(st.text(alphabet="ab 1:#'\"-?{}[],&*!|>%@~\té\n=.yesno", max_size=120))
def test_printed_text_reads_back(text: str) -> None:
    assert {"k": [text]} == yaml11.load(dump({"k": [text]})).tree
