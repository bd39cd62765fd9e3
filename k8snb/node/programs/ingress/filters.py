"""What an HTTPRoute wants of a request beside its host and path, and what its filters do to request and reply.

RequestHeaderModifier, ResponseHeaderModifier, RequestRedirect, URLRewrite and RequestMirror are done; a filter that the
controller does not know must not be skipped, so such requests are answered with 500. Regular expressions are not anchored
(the specification leaves that to the controller).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from k8snb.client.wire import Request
from k8snb.node.programs.ingress.route import Asked, Route, Wanted

KNOWN = frozenset({"RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite", "RequestMirror"})
PORTS = {"http": 80, "https": 443}
"""Ports that a Location does not show."""
Filters = Iterable[Mapping[str, Any]]


def asked(request: Request) -> Asked:
    """The parts of a request that an HTTPRoute can ask for."""
    return of_parts(request.method, request.headers, request.path)


def of_parts(method: str, headers: Mapping[str, str], path: str) -> Asked:
    """The same from a method, headers, and a path with its query."""
    query: dict[str, str] = {}
    for name, value in parse_qsl(path.partition("?")[2], keep_blank_values=True):
        query.setdefault(name, value)
    return Asked(method, {name.lower(): value for name, value in headers.items()}, query)


def wants(route: Route, request: Asked) -> bool:
    """Whether a request has the method, headers and query parameters that a route asks for."""
    return (
        route.method in ("", request.method)
        and all(_has(w, request.headers) for w in route.headers)
        and all(_has(w, request.query) for w in route.query)
    )


def _has(wanted: Wanted, given: Mapping[str, str]) -> bool:
    value = given.get(wanted.name)
    if value is None:
        return False
    return re.search(wanted.value, value) is not None if wanted.regex else value == wanted.value


def of_type(filters: Filters, name: str, field: str) -> list[Mapping[str, Any]]:
    """The settings of the filters of one type."""
    return [f.get(field, {}) for f in filters if f.get("type") == name]


def unknown(filters: Filters) -> bool:
    """Whether there is a filter that cannot be done."""
    return any(f.get("type") not in KNOWN for f in filters)


def modified(headers: Mapping[str, str], changes: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Headers after ``set``, ``add`` and ``remove``; names do not depend on their case, and what is added is joined by commas."""
    found = dict(headers)
    for change in changes:
        for item in change.get("set", ()):
            _drop(found, item["name"])
            found[item["name"]] = item["value"]
        for item in change.get("add", ()):
            before = next((n for n in found if n.lower() == item["name"].lower()), "")
            found[before or item["name"]] = f"{found[before]},{item['value']}" if before else item["value"]
        for name in change.get("remove", ()):
            _drop(found, name)
    return found


def _drop(headers: dict[str, str], name: str) -> None:
    for known in [n for n in headers if n.lower() == name.lower()]:
        del headers[known]


def new_path(route: Route, path: str, change: Mapping[str, Any]) -> str:
    """A path (with its query) after ReplaceFullPath or ReplacePrefixMatch."""
    bare, mark, query = path.partition("?")
    if change.get("type") == "ReplaceFullPath":
        return f"{change.get('replaceFullPath', '/')}{mark}{query}"
    if change.get("type") == "ReplacePrefixMatch":
        rest = bare[len(route.path.rstrip("/")) :].lstrip("/")
        head = str(change.get("replacePrefixMatch", "/")).rstrip("/")
        return f"{head}/{rest}{mark}{query}" if rest or not head else f"{head}{mark}{query}"
    return path


def location(route: Route, redirect: Mapping[str, Any], scheme: str, host: str, port: int, path: str) -> str:
    """Where a RequestRedirect sends to; ``scheme``, ``host`` and ``port`` are those of the request and its listener."""
    wanted = redirect.get("scheme", "")
    number = redirect.get("port") or (PORTS.get(wanted, port) if wanted else port)
    scheme = wanted or scheme
    shown = "" if PORTS.get(scheme) == number else f":{number}"
    name = redirect.get("hostname") or host
    return f"{scheme}://{name}{shown}{new_path(route, path, redirect.get('path', {}))}"
