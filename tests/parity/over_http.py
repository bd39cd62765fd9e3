"""The replays through a real connection: TLS, headers, bodies and credentials as a client sends them.

One HTTPS server stands before whichever API server a replay is about. Requests without credentials are not sent through
it: it answers them 401 before anything else, where the recorded server let anonymous users as far as RBAC.
"""

from __future__ import annotations

import ssl
from types import SimpleNamespace
from typing import Any

import httpx

from k8snb.api.request import ANONYMOUS, UserInfo
from k8snb.apiserver import APIServer
from k8snb.apiserver.http.message import HTTPRequest, HTTPResponse
from k8snb.apiserver.routes import serve as serve_directly
from k8snb.cluster import Cluster
from k8snb.rest import serve
from k8snb.rest.openapi import Documents

_OURS = frozenset({"content-length", "date", "audit-id", "cache-control", "content-encoding", "vary"})


class OverHTTP:
    """Answers requests as ``k8snb.apiserver.routes.serve`` does, by way of a connection."""

    def __init__(self) -> None:
        self._serving = serve(Cluster(nodes=0), speed=0, environ=False)
        self._application = self._serving.application
        context = ssl.create_default_context(cadata=self._serving.authority.decode())
        self._http = httpx.Client(base_url=self._serving.url, verify=context, timeout=60, trust_env=False)
        self._http.headers.clear()

    def __call__(self, server: APIServer, request: HTTPRequest) -> HTTPResponse:
        """One exchange."""
        if request.user is not None and request.user.name == ANONYMOUS.name:
            return serve_directly(server, request)
        app = self._application
        if app.cluster.server is not server:
            app.cluster = SimpleNamespace(server=server)
            app.users._server = server
            app.documents = Documents(server)
        headers = [(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in request.headers.items()]
        if request.user is not None:
            headers = [pair for pair in headers if pair[0] != b"authorization"]
            headers.append((b"authorization", f"Bearer {self._token(request.user)}".encode()))
        url = httpx.URL(self._serving.url).copy_with(raw_path=request.path.encode("utf-8", "surrogateescape"))
        answer = self._http.send(self._http.build_request(request.method, url, headers=headers, content=request.body))
        kept: Any = [(k.title(), v) for k, v in answer.headers.multi_items() if k not in _OURS]
        kept = [("WWW-Authenticate", v) if k == "Www-Authenticate" else (k, v) for k, v in kept]
        return HTTPResponse(answer.status_code, tuple(kept), answer.content)

    def _token(self, user: UserInfo) -> str:
        token = f"token-{user.name}-{'-'.join(user.groups)}".encode().hex()
        self._application.users.know(token, user)
        return token

    def close(self) -> None:
        """Stop the server."""
        self._http.close()
        self._serving.stop()
