"""The API server's port 6443 as it is on the node network: what a Pod that calls ``https://kubernetes.default`` gets."""

from __future__ import annotations

from k8snb.api.frozen import FrozenDict
from k8snb.apiserver import APIServer
from k8snb.apiserver.http.message import HTTPRequest
from k8snb.apiserver.routes import serve
from k8snb.client.wire import Reply, Request

ISSUER = "kubernetes"
"""Who signed the server's certificate: the cluster's own CA, which only a Pod's ``ca.crt`` knows."""
NO_TLS = "Client sent an HTTP request to an HTTPS server.\n"
"""What Go's server says to a caller without TLS, with status 400."""


class SecurePort:
    """Answers requests of the modelled network with the API server itself; the Authorization header says who asks."""

    def __init__(self, server: APIServer) -> None:
        self.server = server

    def __call__(self, request: Request) -> Reply:
        """The server's answer; a connection without http in it (``nc -z``) just opens."""
        if request.protocol != "http":
            return Reply(200)
        if not request.tls:
            return Reply(400, NO_TLS)
        headers = {name.lower(): value for name, value in request.headers.items()}
        answer = serve(self.server, HTTPRequest(request.method, request.path, headers, request.body.encode()))
        body = answer.body if answer.stream is None else answer.stream.poll() or b""
        return Reply(answer.code, body.decode(), FrozenDict(dict(answer.headers)), issuer=ISSUER)
