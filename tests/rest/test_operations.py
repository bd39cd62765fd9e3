"""Every operation of our own OpenAPI documents with made-up parameters and bodies: nothing is answered with a crash."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from k8snb.api.request import ADMIN
from k8snb.apiserver.http.message import HTTPRequest
from k8snb.apiserver.routes import serve
from k8snb.cluster import Cluster
from k8snb.rest.openapi import Documents

KNOWN = {"namespace": ["default", "kube-system", "nowhere", "A b"], "name": ["web", "worker-1", "default", "x/y", ""]}
TEXT = st.text(max_size=12) | st.sampled_from(
    ["true", "false", "0", "-1", "All", "Strict", "web", "a=b", "metadata.name=web"]
)
LEAF = st.none() | st.booleans() | st.integers(-(1 << 40), 1 << 40) | TEXT


@cache
def cluster() -> Cluster:
    """A cluster with something in it."""
    found = Cluster(nodes=1)
    container = {"name": "c", "image": "nginx"}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    found.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec})
    found.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [container]}})
    found.settle()
    return found


@cache
def operations() -> list[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Path, method, operation and the schemas it refers to."""
    documents = Documents(cluster().server)
    found = []
    for name in json.loads(documents.index())["paths"]:
        document = documents.document(name)
        assert document is not None
        tree = json.loads(document.body)
        for path, item in tree["paths"].items():
            found += [
                (path, method, item[method], tree["components"]["schemas"]) for method in item if method != "parameters"
            ]
    return found


def value(draw: st.DrawFn, schema: dict[str, Any], schemas: dict[str, Any], depth: int = 0) -> Any:
    """A value that a schema allows, or now and then one that it does not."""
    if draw(st.integers(0, 19)) == 0:
        return draw(LEAF)
    if "allOf" in schema:
        return value(draw, schema["allOf"][0], schemas, depth)
    if isinstance(schema.get("$ref"), str):
        return value(draw, schemas[schema["$ref"].rpartition("/")[2]], schemas, depth)
    if "enum" in schema:
        return draw(st.sampled_from(schema["enum"]))
    kind = schema.get("type")
    if kind == "array":
        return [value(draw, schema["items"], schemas, depth + 1) for _ in range(draw(st.integers(0, 2)))]
    if kind == "object":
        properties = schema.get("properties", {})
        names = list(schema.get("required", ()))
        if properties and depth < 5:
            names += draw(st.lists(st.sampled_from(sorted(properties)), max_size=4))
        tree = {name: value(draw, properties[name], schemas, depth + 1) for name in names if name in properties}
        if "additionalProperties" in schema:
            tree[draw(TEXT)] = value(draw, schema["additionalProperties"], schemas, depth + 1)
        return tree
    if kind == "integer":
        return draw(st.integers(-2, 70000))
    if kind == "boolean":
        return draw(st.booleans())
    if kind == "number":
        return draw(st.floats(allow_nan=False, allow_infinity=False))
    return draw(TEXT)


@st.composite
def requests(draw: st.DrawFn) -> HTTPRequest:
    """One request of some operation."""
    path, method, operation, schemas = draw(st.sampled_from(operations()))
    for name, values in KNOWN.items():
        path = path.replace(f"{{{name}}}", draw(st.sampled_from(values)).replace(" ", "%20"))
    chosen = draw(st.lists(st.sampled_from(operation["parameters"]), max_size=3)) if operation["parameters"] else []
    from urllib.parse import urlencode

    query = urlencode(
        [(item["name"], str(value(draw, item["schema"], schemas))) for item in chosen if item["name"] != "watch"]
    )
    headers, body = {}, b""
    if "requestBody" in operation:
        kinds = [kind for kind in operation["requestBody"]["content"] if "protobuf" not in kind]
        headers["content-type"] = draw(st.sampled_from(kinds))
        tree: Any = value(draw, operation["requestBody"]["content"][kinds[0]]["schema"], schemas)
        if "json-patch" in headers["content-type"]:
            step = st.fixed_dictionaries(
                {
                    "op": st.sampled_from(["add", "remove", "replace", "test", "move", "copy"]),
                    "path": TEXT,
                    "value": LEAF,
                }
            )
            tree = draw(st.lists(step, max_size=3))
        elif isinstance(tree, dict) and draw(st.booleans()):
            kind = operation["x-kubernetes-group-version-kind"]
            tree["kind"] = kind["kind"]
            tree["apiVersion"] = f"{kind['group']}/{kind['version']}" if kind["group"] else kind["version"]
        body = json.dumps(tree).encode("utf-8", "surrogatepass")
    return HTTPRequest(method.upper(), f"{path}?{query}" if query else path, headers, body, ADMIN)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(requests())
def test_nothing_crashes(request: HTTPRequest) -> None:
    served = cluster().fork()
    answer = serve(served.server, request)

    assert answer.code < 500 or b'"code":50' in answer.body.replace(b" ", b""), (request, answer)
