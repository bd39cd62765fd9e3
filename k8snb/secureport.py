"""The API server's port 6443 as it is on the node network: what a Pod that calls ``https://kubernetes.default`` gets.

The token that the kubelet mounts into a Pod is recognised for as long as the Pod exists (real ones also expire and are
renewed).
"""

from __future__ import annotations

import msgspec

from k8snb.api.frozen import FrozenDict
from k8snb.api.request import UserInfo
from k8snb.apiserver import APIServer
from k8snb.apiserver.authentication import assumed
from k8snb.apiserver.http.message import HTTPRequest
from k8snb.apiserver.routes import serve
from k8snb.apiserver.server import APISERVER
from k8snb.client.wire import Reply, Request
from k8snb.node.volumes import TOKEN

ISSUER = "kubernetes"
"""Who signed the server's certificate: the cluster's own CA, which only a Pod's ``ca.crt`` knows."""
NO_TLS = "Client sent an HTTP request to an HTTPS server.\n"
"""What Go's server says to a caller without TLS, with status 400."""
READERS = ("curl", "Wget", "Mozilla/5.0")
"""User agents behind which a person reads: they get JSON with line breaks."""


class SecurePort:
    """Answers requests of the modelled network with the API server itself; the Authorization header says who asks."""

    def __init__(self, server: APIServer) -> None:
        self.server = server

    def __call__(self, request: Request) -> Reply:
        """The server's answer; a connection without http in it (``nc -z``) just opens. A stopped server refuses."""
        if APISERVER in self.server.down:
            return Reply(0, error="refused")
        if request.protocol != "http":
            return Reply(200)
        if not request.tls:
            return Reply(400, NO_TLS)
        headers = {name.lower(): value for name, value in request.headers.items()}
        user = self._account(headers.get("authorization", ""))
        asked = HTTPRequest(request.method, request.path, headers, request.body.encode(), user)
        answer = serve(self.server, asked)
        body = answer.body if answer.stream is None else answer.stream.poll() or b""
        if answer.content_type == "application/json" and headers.get("user-agent", "").startswith(READERS):
            body = msgspec.json.format(body, indent=2)
        return Reply(answer.code, body.decode(), FrozenDict(dict(answer.headers)), issuer=ISSUER)

    def _account(self, authorization: str) -> UserInfo | None:
        """The ServiceAccount behind a mounted token; None leaves other credentials to the server."""
        head, _, rest = authorization.removeprefix("Bearer ").strip().partition(".")
        if head != TOKEN:
            return None
        namespace, _, rest = rest.partition(".")
        rest, _, uid = rest.rpartition(".")
        account, _, audience = rest.rpartition(".")
        pods = self.server.reader.list("pods", namespace)
        bearer = next((p for p in pods if p.metadata.uid == uid), None)
        if bearer is None or audience != "api" or (bearer.spec.serviceAccountName or "default") != account:
            return None
        return assumed(UserInfo(f"system:serviceaccount:{namespace}:{account}"))
