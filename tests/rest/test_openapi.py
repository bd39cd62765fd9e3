"""The OpenAPI documents against the facts of the recorded one, and how they are addressed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from k8snb.cluster import Cluster
from k8snb.rest.openapi import Documents
from k8snb.rest.openapi.packed import _document

GOLDEN = Path(__file__).parent.parent / "golden" / "api"


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    """All schemas of all documents."""
    documents = Documents(Cluster(nodes=0).server)
    found: dict[str, Any] = {}
    for path in json.loads(documents.index())["paths"]:
        document = documents.document(path)
        assert document is not None
        found.update(json.loads(document.body)["components"]["schemas"])
    return found


def recorded(entry: dict[str, Any]) -> Any:
    if "ref" in entry:
        return ("ref", entry["ref"])
    for name in ("list", "map"):
        if name in entry:
            return (name, recorded(entry[name]))
    return (entry.get("type"), entry.get("format"), tuple(entry.get("enum", ())))


def ours(entry: dict[str, Any]) -> Any:
    entry = entry["allOf"][0] if "allOf" in entry else entry
    if "$ref" in entry:
        return ("ref", entry["$ref"].rpartition("/")[2])
    if entry.get("type") == "array":
        return ("list", ours(entry["items"]))
    if "additionalProperties" in entry:
        return ("map", ours(entry["additionalProperties"]))
    return (entry.get("type"), entry.get("format"), tuple(entry.get("enum", ())))


EXTENSIONS = {
    "patchMergeKey": "x-kubernetes-patch-merge-key",
    "patchStrategy": "x-kubernetes-patch-strategy",
    "listType": "x-kubernetes-list-type",
    "listMapKeys": "x-kubernetes-list-map-keys",
    "mapType": "x-kubernetes-map-type",
}


def test_every_field_is_as_recorded(schemas: dict[str, Any]) -> None:
    golden = json.loads((GOLDEN / "schema.json").read_text())["types"]

    assert len(schemas) > 480
    for name, schema in schemas.items():
        fields = golden[name].get("fields", {})
        properties = schema.get("properties", {})
        assert {key: recorded(item) for key, item in fields.items()} == {
            key: ours(item) for key, item in properties.items()
        }, name
        assert sorted(key for key, item in fields.items() if item.get("required")) == schema.get("required", []), name
        for key, item in fields.items():
            said = {ours_: item[theirs] for theirs, ours_ in EXTENSIONS.items() if theirs in item}
            assert said == {
                ours_: properties[key][ours_] for ours_ in EXTENSIONS.values() if ours_ in properties[key]
            }, (
                name,
                key,
            )


def test_every_reference_leads_somewhere() -> None:
    documents = Documents(Cluster(nodes=0).server)
    bodies = [documents.document(path) for path in json.loads(documents.index())["paths"]]
    for document in (*bodies, documents.swagger()):
        assert document is not None
        tree = json.loads(document.body)
        known = tree.get("definitions") or tree["components"]["schemas"]
        head = "#/definitions/" if "definitions" in tree else "#/components/schemas/"
        for reference in set(_references(tree)):
            assert reference.startswith(head), reference
            assert reference[len(head) :] in known


def _references(tree: Any) -> list[str]:
    if isinstance(tree, list):
        return [found for item in tree for found in _references(item)]
    if not isinstance(tree, dict):
        return []
    own = [tree["$ref"]] if isinstance(tree.get("$ref"), str) else []
    return own + [found for item in tree.values() for found in _references(item)]


def test_addresses_carry_the_hash(http: httpx.Client) -> None:
    paths = http.get("/openapi/v3").json()["paths"]
    address = paths["apis/apps/v1"]["serverRelativeURL"]
    document = http.get(address)
    again = http.get(address, headers={"If-None-Match": document.headers["etag"]})
    old = http.get("/openapi/v3/apis/apps/v1?hash=OLD")

    assert document.headers["cache-control"] == "public, immutable"
    assert (document.status_code, again.status_code, old.status_code) == (200, 304, 301)
    assert address == old.headers["location"]
    assert http.get("/openapi/v3/apis/nobody/v1").status_code == 404
    assert http.post("/openapi/v3").status_code == 405


def test_operations_say_what_they_are(http: httpx.Client) -> None:
    paths = http.get("/openapi/v3/apis/apps/v1").json()["paths"]
    patch = paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]

    assert patch["x-kubernetes-group-version-kind"] == {"group": "apps", "kind": "Deployment", "version": "v1"}
    assert {"dryRun", "fieldManager", "fieldValidation", "force"} == {item["name"] for item in patch["parameters"]}
    assert {"/apis/apps/v1/deployments", "/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"} <= set(paths)


def test_v2_comes_packed_for_those_who_want_it(http: httpx.Client) -> None:
    packed = http.get("/openapi/v2", headers={"Accept": "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"})
    plain = http.get("/openapi/v2").json()
    document = _document().FromString(packed.content)
    pod = {entry.f_name: entry.f_value for entry in document.f_definitions.f_each}["io.k8s.api.core.v1.Pod"]

    assert "2.0" == plain["swagger"] == document.f_swagger
    assert list(plain["paths"]) == [path.f_name for path in document.f_paths.f_path]
    assert set(plain["definitions"]["io.k8s.api.core.v1.Pod"]["properties"]) == {
        entry.f_name for entry in pod.f_properties.f_each
    }


def test_descriptions_come_in_the_language_that_is_asked_for(http: httpx.Client) -> None:
    def told(path: str, **headers: str) -> str:
        tree = http.get(path, headers=headers).json()
        schemas = tree.get("definitions") or tree["components"]["schemas"]
        text: str = schemas["io.k8s.api.core.v1.Container"]["properties"]["image"]["description"]
        return text

    english, chinese = {"Accept-Language": "fr, en;q=0.8"}, {"Accept-Language": "zh-CN,zh;q=0.9"}
    where = http.get("/openapi/v3", headers=chinese).json()["paths"]["api/v1"]["serverRelativeURL"]

    assert (
        told("/openapi/v3/api/v1")
        == told("/openapi/v2", **english)
        == "The image with its tag or digest. Without either the tag is latest."
    )
    assert told("/openapi/v3/api/v1", **chinese) == told(where, **chinese) == told("/openapi/v2", **chinese)
    assert told(where, **chinese).startswith("镜像")
    assert http.get(where, headers=english, follow_redirects=False).status_code == 301
