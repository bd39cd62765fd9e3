"""Selectors: the recorded answers of the API server, and laws that hold for every selector."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8snb.api import fields, from_dict, selectors
from k8snb.api.scheme import SCHEME
from k8snb.api.types.meta_v1 import LabelSelector

GOLDEN = Path(__file__).parent.parent / "golden" / "api"
RECORDS = [json.loads(line) for line in (GOLDEN / "open" / "selectors.jsonl").read_text().splitlines()]
FIXTURES = json.loads((GOLDEN / "selectors.fixtures.json").read_text())


def of_kind(kind: str) -> list[Any]:
    return [pytest.param(record, id=record["id"]) for record in RECORDS if record["kind"] == kind]


@pytest.mark.parametrize("record", of_kind("label"))
def test_labels_as_the_server_selects(record: dict[str, Any]) -> None:
    if record["code"] == 200:
        selector = selectors.parse(record["selector"])
        matched = [name for name, labels in FIXTURES["configmaps"].items() if selector.matches(labels)]

        assert (record["canonical"], record["match"]) == (str(selector), matched)
    else:
        with pytest.raises(selectors.SelectorError) as caught:
            selectors.parse(record["selector"])

        assert record["status"]["message"] == str(caught.value)


@pytest.mark.parametrize("record", [p for p in of_kind("labelSelectorObject") if p.values[0]["code"] == 201])
def test_selectors_of_specs_print_as_the_scale_subresource_shows(record: dict[str, Any]) -> None:
    spec = from_dict(LabelSelector, record["request"]["body"]["spec"]["selector"])

    assert record["scale_status_selector"] == str(selectors.from_label_selector(spec))


@pytest.mark.parametrize("record", of_kind("field"))
def test_field_selectors_parse_as_the_server_does(record: dict[str, Any]) -> None:
    api_version = record["path"].split("/namespaces/")[0].strip("/").removeprefix("api/").removeprefix("apis/")
    api_version = "v1" if record["path"].startswith("/api/") else "/".join(api_version.split("/")[:2])
    resource = SCHEME.resolve(f"{api_version}/{record['path'].rsplit('/', 1)[1]}")
    if record["code"] == 200:
        assert record["canonical"] == str(fields.parse(record["selector"], resource))
    else:
        with pytest.raises(fields.FieldSelectorError) as caught:
            fields.parse(record["selector"], resource)

        assert record["status"]["message"] == str(caught.value)


POD = {
    "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n"},
    "spec": {"containers": [], "nodeName": "n1", "hostNetwork": True, "restartPolicy": "Never"},
    "status": {"phase": "Running", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]},
}  # fmt: skip
EVENT = {
    "apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"}, "reason": "Failed", "type": "Warning",
    "involvedObject": {"kind": "Pod", "name": "p"}, "reportingComponent": "kubelet",
}  # fmt: skip
NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}


@pytest.mark.parametrize(
    ("obj", "text", "expected"),
    [
        (POD, "", True),
        (POD, "metadata.name=p,metadata.namespace==n", True),
        (POD, "spec.nodeName!=n1", False),
        (POD, "spec.host=n1", True),
        (POD, "spec.hostNetwork=true", True),
        (POD, "status.podIP=10.0.0.1", True),
        (POD, "status.podIPs=10.0.0.1", False),
        (POD, "status.nominatedNodeName=", True),
        (EVENT, "involvedObject.kind=Pod,involvedObject.name=p", True),
        (EVENT, "source=kubelet", True),
        (EVENT, "type!=Warning", False),
        (NODE, "spec.unschedulable=false", True),
    ],
)
def test_fields_of_objects(obj: dict[str, Any], text: str, expected: bool) -> None:
    thing: Any = from_dict(None, obj)

    assert expected is fields.parse(text, SCHEME.of(thing)).matches(thing)


@pytest.mark.parametrize(
    ("selector", "labels", "expected"),
    [
        (None, {}, False),
        (LabelSelector(), {"a": "b"}, True),
        (LabelSelector(matchLabels={"a": "b", "c": "d"}), {"a": "b"}, False),
        (LabelSelector(matchLabels={"a": "b", "c": "d"}), {"a": "b", "c": "d", "e": ""}, True),
    ],
)
def test_selectors_of_specs_match(selector: LabelSelector | None, labels: dict[str, str], expected: bool) -> None:
    assert expected is selectors.from_label_selector(selector).matches(labels)


KEYS = st.sampled_from(["app", "env", "in", "notin", "n", "example.com/role"])
VALUES = st.sampled_from(["web", "db", "", "1", "in", "x_y-z.1"])
TERMS = st.one_of(
    st.builds("{}{}{}".format, KEYS, st.sampled_from(["=", "==", "!=", " = "]), VALUES),
    st.builds("{} {} ({})".format, KEYS, st.sampled_from(["in", "notin"]), st.lists(VALUES, max_size=3).map(",".join)),
    st.builds("!{}".format, KEYS),
    KEYS,
    st.builds("{}>{}".format, KEYS, st.integers(0, 9)),
)
LABELS = st.dictionaries(KEYS, VALUES)


@given(st.lists(TERMS, max_size=4).map(",".join), LABELS)
def test_canonical_text_means_the_same(text: str, labels: dict[str, str]) -> None:
    selector = selectors.parse(text)
    again = selectors.parse(str(selector))

    assert (str(selector), selector.matches(labels)) == (str(again), again.matches(labels))


@given(KEYS, st.lists(VALUES, min_size=1, max_size=3), LABELS)
def test_notin_is_the_complement_of_in(key: str, values: list[str], labels: dict[str, str]) -> None:
    inside = selectors.Requirement(key, "in", tuple(values))
    outside = selectors.Requirement(key, "notin", tuple(values))

    assert inside.matches(labels) is not outside.matches(labels)


@given(st.text(alphabet="ab=!(),<> in\t\\/-.\0ü", max_size=15))
def test_any_text_is_a_selector_or_a_selector_error(text: str) -> None:
    try:
        selectors.parse(text)
    except selectors.SelectorError:
        return


@given(st.text(alphabet="ab=!,\\. ", max_size=12))
def test_any_text_is_a_field_selector_or_an_error(text: str) -> None:
    try:
        fields.parse(text, SCHEME.resolve("pods"))
    except fields.FieldSelectorError:
        return
