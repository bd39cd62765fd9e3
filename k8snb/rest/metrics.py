"""metrics.k8s.io/v1beta1: what ``kubectl top`` asks, answered by the cluster's metrics-server.

A real API server hands these requests on to metrics-server (an aggregated API); the group is therefore in no scheme, and
is served and discovered only where a metrics-server is.
"""

from __future__ import annotations

from typing import Any

import msgspec

from k8snb.api import errors
from k8snb.api.codec import to_dict
from k8snb.api.metrics import API_VERSION
from k8snb.api.selectors import parse_selector
from k8snb.apiserver.http import encode, media
from k8snb.apiserver.http.message import HTTPRequest, HTTPResponse
from k8snb.apiserver.http.paths import RequestInfo

GROUP, VERSION = API_VERSION.split("/")
_KINDS = {"pods": ("PodMetrics", True), "nodes": ("NodeMetrics", False)}
_VERBS = ["get", "list"]
_OLD = {"groupVersion": API_VERSION, "version": VERSION}


def answer(source: Any, request: HTTPRequest, info: RequestInfo, query: dict[str, list[str]]) -> HTTPResponse | None:
    """The metrics asked for; None for another address. ``APIError`` 404, 405."""
    if (info.group, info.version) != (GROUP, VERSION) or info.resource not in _KINDS or info.subresource:
        return None
    if request.method != "GET" or info.verb not in _VERBS:
        raise errors.method_not_allowed()
    kind, _ = _KINDS[info.resource]
    found = source.pods(info.namespace) if info.resource == "pods" else source.nodes()
    output = media.output(request.headers)
    if info.name:
        one = next((item for item in found if item.metadata.name == info.name), None)
        if one is None:
            whole_name = f"{info.namespace}/{info.name}" if info.namespace else info.name
            raise errors.not_found(kind.lower(), whole_name, GROUP)
        return encode.tree(200, to_dict(one), output)
    selector = parse_selector((query.get("labelSelector") or [""])[0])
    items = [to_dict(item) for item in found if selector.matches(item.metadata.labels)]
    whole = {"kind": f"{kind}List", "apiVersion": API_VERSION, "metadata": {}, "items": items}
    return encode.tree(200, whole, output)


def discovery(path: str, request: HTTPRequest) -> HTTPResponse | None:
    """The group's own discovery documents; None for another path."""
    if path.rstrip("/") == f"/apis/{GROUP}":
        tree: dict[str, Any] = {"kind": "APIGroup", "apiVersion": "v1", **_group()}
    elif path.rstrip("/") == f"/apis/{API_VERSION}":
        resources = [
            {"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": _VERBS}
            for name, (kind, namespaced) in _KINDS.items()
        ]
        tree = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": API_VERSION, "resources": resources}
    else:
        return None
    return encode.tree(200, tree, media.output(request.headers))


def discovered(answer: HTTPResponse) -> HTTPResponse:
    """``/apis`` with the group added, in either of its forms."""
    if answer.code != 200 or not answer.content_type.startswith(media.JSON):
        return answer
    tree = msgspec.json.decode(answer.body)
    if "groups" in tree:
        tree["groups"].append(_group())
    elif "items" in tree:
        resources = [
            {
                "resource": name,
                "responseKind": {"group": "", "version": "", "kind": kind},
                "scope": "Namespaced" if namespaced else "Cluster",
                "singularResource": "",
                "verbs": _VERBS,
            }
            for name, (kind, namespaced) in _KINDS.items()
        ]
        version = {"version": VERSION, "resources": resources, "freshness": "Current"}
        tree["items"].append({"metadata": {"name": GROUP}, "versions": [version]})
    return HTTPResponse(answer.code, answer.headers, msgspec.json.encode(tree) + b"\n")


def _group() -> dict[str, Any]:
    return {"name": GROUP, "versions": [_OLD], "preferredVersion": _OLD}
