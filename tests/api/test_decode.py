"""Strict decoding: the API server's recorded answers, manifests as people write them, and no input that breaks it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from k8snb.api import gojson, gotime, to_dict, yaml11
from k8snb.api.decode import DecodeError, decode_body, decode_manifests, decode_object
from k8snb.api.scheme import SCHEME, Resource
from k8snb.api.types.meta_v1 import DeleteOptions
from tests.golden.api import normalise

GOLDEN = Path(__file__).parent.parent / "golden" / "api" / "open" / "errors.jsonl"
JSON = "application/json"


def resource_of(path: str) -> Resource:
    """The resource that a request's path names; a custom one if it is not built in."""
    parts = path.partition("?")[0].strip("/").split("/")
    api_version = parts[1] if parts[0] == "api" else "/".join(parts[1:3])
    if SCHEME.find(api_version, "") or any(item.api_version == api_version for item in SCHEME):
        return SCHEME.resolve(f"{api_version}/{parts[-1]}")
    singular = parts[-1].removesuffix("s")
    return Resource(parts[1], parts[2], singular.capitalize(), parts[-1], singular, True, custom=True)


def recorded() -> list[Any]:
    """Requests that create, in the categories about decoding, except those that a custom resource's schema decides."""
    found = []
    for line in GOLDEN.read_text().splitlines():
        record = json.loads(line)
        request = record["request"]
        mode = request["path"].partition("fieldValidation=")[2].partition("&")[0] or "Warn"
        if record["cat"] not in ("decode", "yaml", "fieldValidation") or request["method"] != "POST":
            continue
        if record["response"]["code"] == 415 or mode == "strict":
            continue
        resource = resource_of(request["path"])
        if not (resource.custom and record["cat"] == "fieldValidation"):
            found.append(pytest.param(record, resource, mode, id=record["id"]))
    return found


@pytest.mark.parametrize(("record", "resource", "mode"), recorded())
def test_bodies_are_read_as_the_server_reads_them(record: dict[str, Any], resource: Resource, mode: Any) -> None:
    request, response = record["request"], record["response"]
    body = request["raw"] if "raw" in request else json.dumps(request["body"]) if request.get("body") else ""
    content_type = (request.get("headers") or {}).get("Content-Type", JSON)
    if response["code"] == 400:
        with pytest.raises(DecodeError) as caught:
            decode_body(body.encode(), resource, content_type, mode)

        assert response["body"]["message"] == normalise.norm(  # type: ignore[no-untyped-call]  # a recorder's script
            caught.value.message, json.dumps(request)
        )
        return
    obj, warnings = decode_body(body.encode(), resource, content_type, mode)
    said = [json.loads(item.partition(" - ")[2]) for item in (response.get("headers") or {}).get("Warning", [])]

    assert [item for item in said if "field" in item or "already set" in item] == warnings
    if record["cat"] == "yaml":
        assert response["body"]["spec"] == to_dict(obj)["spec"]


def test_options_have_a_type_of_their_own() -> None:
    pods = SCHEME.resolve("pods")
    options, _ = decode_body(b'{"gracePeriodSeconds":0,"propagationPolicy":"Foreground"}', pods, type_=DeleteOptions)

    assert (options.gracePeriodSeconds, options.propagationPolicy) == (0, "Foreground")


MANIFEST = """\
# a comment
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: "3"
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: c
        imagePulPolicy: Always
        ports:
        - containerPort: "80"
        resources: {limits: {cpu: 1x}}
        args: sleep
--- # another
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: a}
  data: {a: yes, b: 5}
- kind: Secret
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
data:
  k: "1"
  k: "2"
---
just text
---
apiVersion: v1
 kind: Pod
"""
COMPLAINTS = """\
shop.yaml: line 11: spec.replicas: expected a whole number, found the text "3"; write 3 without quotes
shop.yaml: line 18: unknown field "spec.template.spec.containers[0].imagePulPolicy"; did you mean imagePullPolicy?
shop.yaml: line 20: spec.template.spec.containers[0].ports[0].containerPort: expected a whole number, found the text \
"80"; write 80 without quotes
shop.yaml: line 21: spec.template.spec.containers[0].resources.limits.cpu: expected an amount such as 500m, 2 or 1Gi, \
found the text "1x"
shop.yaml: line 22: spec.template.spec.containers[0].args: expected a list, found the text "sleep"; begin each item \
with "- "
shop.yaml: line 30: data.a: expected text, found true; put it in quotes: YAML reads yes, no, on, off, true and false \
as truth values
shop.yaml: line 30: data.b: expected text, found the number 5; put it in quotes: "5"
shop.yaml: line 31: apiVersion is missing; every manifest says which kind of object it describes
shop.yaml: line 38: key "k" already set in map
shop.yaml: line 40: a manifest is a mapping with apiVersion, kind and metadata; this is a string
shop.yaml: line 43: not valid YAML: mapping values are not allowed in this context"""


def test_all_problems_of_all_documents_are_told_together_with_their_lines() -> None:
    with pytest.raises(DecodeError) as caught:
        decode_manifests(MANIFEST, "shop.yaml")

    assert caught.value.message == COMPLAINTS
    assert [item.document for item in caught.value.problems] == [1, 1, 1, 1, 1, 2, 2, 2, 3, 4, 5]


def test_unknown_fields_are_let_through_when_asked() -> None:
    text = "apiVersion: v1\nkind: Pod\nspce: {}\nmetadata: {name: x, name: z}\n"

    assert [item.body for item in decode_manifests(text, mode="Warn")] == [
        {"apiVersion": "v1", "kind": "Pod", "spce": {}, "metadata": {"name": "z"}}
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("---\n# nothing\n---\n", []),
        ("{}", None),
        ('{"apiVersion": "v1", "kind": "Pod"}', [("Pod", 1)]),
        ("\n\napiVersion: v1\nkind: Pod\n---\n\napiVersion: v1\nkind: Node", [("Pod", 3), ("Node", 7)]),
        (
            "apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a}\n- metadata: {name: b}",
            [("Pod", 4), ("Pod", 5)],
        ),
        ("apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: List, items: []}]", []),
        ("apiVersion: x.io/v1\nkind: Anything\nspec: {a: [1, two]}", [("Anything", 1)]),
        ("\ufeffapiVersion: v1\nkind: Pod", [("Pod", 1)]),
    ],
)
def test_documents_and_lists(text: str, expected: list[tuple[str, int]] | None) -> None:
    if expected is None:
        with pytest.raises(DecodeError):
            decode_manifests(text)
    else:
        assert expected == [(item.body["kind"], item.line) for item in decode_manifests(text.encode())]


def test_files_are_read_and_named(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("kind: Pod")

    with pytest.raises(DecodeError, match=r"a\.yaml: line 1: apiVersion is missing"):
        decode_manifests(file)


def test_json_manifests_have_lines_too() -> None:
    text = '{\n"apiVersion": "v1",\n"kind": "Pod",\n"spec": {\n  "contaners": []}}'

    with pytest.raises(DecodeError, match=r'line 5: unknown field "spec\.contaners"; did you mean containers'):
        decode_manifests(text)


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (
            {"metadata": {"name": "x", "labels": None}, "spec": None},
            {"metadata": {"name": "x"}, "spec": {"containers": None}},
        ),
        (
            {"spec": {"nodeName": "", "hostNetwork": False, "automountServiceAccountToken": False, "containers": []}},
            {"spec": {"containers": None, "automountServiceAccountToken": False}},
        ),
        (
            {"metadata": {"creationTimestamp": "2026-01-01T02:00:00+02:00"}},
            {"metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}, "spec": {"containers": None}},
        ),
        (
            {"spec": {"overhead": {"cpu": 0.1, "memory": "1024Mi"}, "containers": []}},
            {"spec": {"containers": None, "overhead": {"cpu": "100m", "memory": "1Gi"}}},
        ),
    ],
)
def test_values_become_canonical_and_zeros_vanish(tree: dict[str, Any], expected: dict[str, Any]) -> None:
    obj, _ = decode_object(tree, SCHEME.resolve("pods"))

    assert {"kind": "Pod", "apiVersion": "v1", "metadata": {}, "status": {}} | expected == to_dict(obj)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "unexpected end of JSON input"),
        ('{"a" 1}', "invalid character '1' after object key"),
        ('{"a":1 "b":2}', "invalid character '\"' after object key:value pair"),
        ("[1 2]", "invalid character '2' after array element"),
        ("[1,]", "invalid character ']' looking for beginning of value"),
        ("{} x", "invalid character 'x' after top-level value"),
        ("nul", "unexpected end of JSON input"),
        ("nulx", "invalid character 'x' in literal null (expecting 'l')"),
        ("-", "unexpected end of JSON input"),
        ("1.x", "invalid character 'x' in numeric literal"),
        ("1e+x", "invalid character 'x' in numeric literal"),
        ('"a\nb"', "invalid character '\\n' in string"),
        ('"\\x"', "invalid escape sequence `\\x` in string"),
        ("NaN", "invalid character 'N' looking for beginning of value"),
        ("[" * 300 + "]" * 300, "exceeded max depth"),
    ],
)
def test_json_complaints_are_gos(text: str, expected: str) -> None:
    with pytest.raises(gojson.JsonError) as caught:
        gojson.loads(text)

    assert expected == str(caught.value)


LAYOUT = "2006-01-02T15:04:05Z07:00"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-02-28T23:59:60Z", 'parsing time "2026-02-28T23:59:60Z": second out of range'),
        ("2026-02-29T00:00:00Z", 'parsing time "2026-02-29T00:00:00Z": day out of range'),
        ("2026-13-01T00:00:00Z", 'parsing time "2026-13-01T00:00:00Z": month out of range'),
        ("yesterday", f'parsing time "yesterday" as "{LAYOUT}": cannot parse "yesterday" as "2006"'),
        ("2026-01-01", f'parsing time "2026-01-01" as "{LAYOUT}": cannot parse "" as "T"'),
        ("2026-01-01T00:00:00", f'parsing time "2026-01-01T00:00:00" as "{LAYOUT}": cannot parse "" as "Z07:00"'),
        ("2026-01-01T00:00:00Zx", 'parsing time "2026-01-01T00:00:00Zx": extra text: "x"'),
        ("2026-01-01T5:00:00.75Z", "2026-01-01T05:00:00Z"),
        ("2026-01-01T00:30:00-01:30", "2026-01-01T02:00:00Z"),
    ],
)
def test_times_are_parsed_as_go_parses_them(text: str, expected: str) -> None:
    try:
        found = gotime.parse_time(text)
    except gotime.TimeError as error:
        found = str(error)

    assert expected == found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("YQ==", None),
        ("YQ=", 3),
        ("YQ", 0),
        ("Y", 0),
        ("=", 0),
        ("YWI=x", 4),
        ("YQ=x", 2),
        ("Y Q=", 1),
        ("YQ\n==", None),
    ],
)
def test_base64_is_refused_where_go_refuses_it(text: str, expected: int | None) -> None:
    tree = {"data": {"k": text}}
    if expected is None:
        obj, _ = decode_object(tree, SCHEME.resolve("secrets"))
        assert base64.b64decode(text) == base64.b64decode(obj.data["k"])
    else:
        with pytest.raises(DecodeError, match=f"^illegal base64 data at input byte {expected}$"):
            decode_object(tree, SCHEME.resolve("secrets"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &x {p: 1}\nb: {<<: *x, q: 2}", {"a": {"p": 1}, "b": {"p": 1, "q": 2}}),
        ("a: &x {p: 1}\nb: {<<: [*x, {p: 3, r: 4}]}", {"a": {"p": 1}, "b": {"p": 1, "r": 4}}),
        ("a: 1_000\nb: 0o17\nc: 09\nd: -0x1f", {"a": 1000, "b": 15, "c": 9, "d": -31}),
        ("a: !foo 5\nb: !!float 5\nc: !!str 5", {"a": "5", "b": 5, "c": "5"}),
        ("1: a\n1.5: b\ntrue: c", {"1": "a", "1.5": "b", "true": "c"}),
        ("first: 1\n---\nsecond: 2", {"first": 1}),
    ],
)
def test_yaml_means_what_go_yaml_means(text: str, expected: Any) -> None:
    assert expected == yaml11.load(text).tree


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: *nobody", "yaml: unknown anchor 'nobody' referenced"),
        ("a: &a [*a]", "yaml: anchor 'a' value contains itself"),
        ("a: {<<: 5}", "yaml: map merge requires map or sequence of maps as the value"),
        ("a: !!int x", "yaml: cannot decode !!str `x` as a !!int"),
        ("a: \x01", "yaml: control characters are not allowed"),
        ("[" * 500, "yaml: exceeded max depth of 200"),
    ],
)
def test_yaml_complaints_are_go_yamls(text: str, expected: str) -> None:
    with pytest.raises(yaml11.YamlError) as caught:
        yaml11.load(text)

    assert expected == str(caught.value)


def test_an_alias_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]

    with pytest.raises(yaml11.YamlError, match="excessive aliasing"):
        yaml11.load("\n".join(lines))


VALID = MANIFEST.split("---\n", maxsplit=1)[0] + (
    "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {a: b}}\nspec:\n  containers:\n  - name: c\n"
    "    image: nginx\n    env: [{name: A, value: 'b'}]\n    ports:\n    - containerPort: 80\n      hostPort: 1\n"
)


def only_decode_errors(source: str | bytes) -> None:
    try:
        documents = decode_manifests(source)
    except DecodeError:
        return
    for document in documents:
        resource = SCHEME.find(str(document.body["apiVersion"]), str(document.body["kind"]))
        if resource is not None:
            decode_object(document.body, resource)


@settings(max_examples=300)
@given(st.data())
def test_no_mutated_manifest_raises_anything_else(data: st.DataObject) -> None:
    text = VALID
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        size = data.draw(st.integers(0, 12))
        piece = data.draw(
            st.one_of(
                st.text(max_size=4),
                st.sampled_from(
                    [": ", "\n", "- ", "{", "}", "[", "'", '"', "&a ", "*a", "!!int ", "null", "\t", "<<: "]
                ),
            )
        )
        text = text[:at] + piece + text[at + size :]

    only_decode_errors(text)


@settings(max_examples=200)
@given(st.one_of(st.binary(max_size=60), st.text(max_size=60)))
def test_no_random_input_raises_anything_else(source: str | bytes) -> None:
    only_decode_errors(source)


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(
            st.sampled_from(
                ["metadata", "spec", "name", "labels", "containers", "template", "replicas", "ports", "data", "env"]
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=300)
@given(VALUES, st.sampled_from(["pods", "deployments", "services", "secrets", "crd", "events", "leases"]))
def test_no_tree_raises_anything_else_and_decoding_is_final(tree: Any, name: str) -> None:
    resource = SCHEME.resolve(name)
    try:
        obj, _ = decode_object(tree, resource, "Ignore")
    except DecodeError:
        return
    again, warnings = decode_object(to_dict(obj), resource)

    assert (to_dict(obj), []) == (to_dict(again), warnings)


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML's own parser is stricter than go-yaml's")
@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a: b\t\n", {"a": "b"}),
        ("a: \tb\n", {"a": "b"}),
        ("{a: /x?y=1}\n", {"a": "/x?y=1"}),
    ],
)
def test_what_go_reads_is_read(text: str, tree: object) -> None:
    """Tabs after tokens and question marks inside of flow scalars."""
    assert yaml11.load(text).tree == tree
