"""Handing a request on to a pod, a service's endpoint or a kubelet, and its answer back.

As kube-apiserver does: an address without a final slash is redirected to the one with it, what the path says behind
``proxy`` is asked for, headers tell the program behind where it is asked from, and links in what it answers are led through
the proxy. Bodies are text, as everywhere in the model's network.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from msgspec.structs import replace

from k8snb.api import errors
from k8snb.apiserver.http.message import HTTPRequest, HTTPResponse

if TYPE_CHECKING:
    from k8snb.api.request import Request
    from k8snb.apiserver.server import APIServer
    from k8snb.apiserver.subresources.proxy import Location

_PORTS = {"http": "80", "https": "443"}
_SECURE = frozenset({443, 8443, 6443})
"""Ports at which the model's programs are taken to speak TLS; at others a client that does gets a plain answer."""
_LINK = re.compile(r"""(<[a-zA-Z][^<>]*?\s(?:href|src|action|background|cite|data|poster)\s*=\s*["'])(/[^"'/][^"']*)""")
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade", "content-length", "authorization", "te"})


def handed_on(server: APIServer, request: HTTPRequest, call: Request, location: Location) -> HTTPResponse:
    """The answer of whoever is at the location; ``APIError`` 503 when nobody answers."""
    path, mark, query = request.path.partition("?")
    own, rest = _split(path, call.resource.namespaced)
    if not rest and request.method in ("GET", "HEAD"):
        return HTTPResponse(301, (("Location", f"{path}/{mark}{query}"),))
    if server.backends is None:
        raise errors.service_unavailable("error trying to reach service: the cluster has no network")
    host = request.headers.get("host", "")
    told = {"x-forwarded-uri": f"{own}{rest}", "x-forwarded-host": host, "x-forwarded-proto": "https"}
    headers = {name: value for name, value in request.headers.items() if name not in _HOP}
    asked = replace(request, path=f"{rest or '/'}{mark}{query}", headers={**headers, **told})
    try:
        answer = _answer(server, location, asked)
    except ConnectionError as error:
        raise errors.service_unavailable(f"error trying to reach service: {error}") from None
    return _led_through(answer, own)


def _answer(server: APIServer, location: Location, asked: HTTPRequest) -> HTTPResponse:
    assert server.backends is not None
    if location.node:
        return server.backends.kubelet(location.node, asked)
    port = location.port or _PORTS[location.scheme or "http"]
    number = {"http": 80, "https": 443}.get(port, 0)
    if port.isascii() and port.isdigit():
        number = int(port)
    if not 0 < number < 65536:
        why = "invalid port" if port.isdigit() else f"lookup tcp/{port}: unknown port"
        raise ConnectionError(f"dial tcp: {why}" if "lookup" in why else f"dial tcp: address {port}: {why}")
    answer = server.backends.ask(location.host, number, asked)
    if location.scheme == "https" and number not in _SECURE:
        raise ConnectionError("http: server gave HTTP response to HTTPS client")
    return answer


def _split(path: str, namespaced: bool) -> tuple[str, str]:
    """The path up to and with ``proxy``, and what follows it."""
    parts = path.split("/", 8 if namespaced else 6)
    count = 8 if namespaced else 6
    own = "/".join(parts[:count])
    return own, path[len(own) :]


def _led_through(answer: HTTPResponse, own: str) -> HTTPResponse:
    """The answer with its redirects, and the links of a page, as they are reached through the proxy."""
    headers = []
    page = False
    for name, value in answer.headers:
        if name.lower() in _HOP:
            continue
        if name.lower() == "location" and value.startswith("/"):
            value = f"{own}{value}"
        page = page or (name.lower() == "content-type" and value.startswith("text/html"))
        headers.append((name.title(), value))
    body = answer.body
    if page:
        text = body.decode("utf-8", "surrogateescape")
        body = _LINK.sub(lambda found: f"{found[1]}{unquote(own)}{found[2]}", text).encode("utf-8", "surrogateescape")
    return HTTPResponse(answer.code, tuple(headers), body)
