"""Who sends a request: by client certificate, by a token that this serving knows, or by a service account's token."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from k8snb.api import errors
from k8snb.api.request import ANONYMOUS, UserInfo
from k8snb.apiserver.authentication import authenticate, with_group
from k8snb.apiserver.server import APIServer
from k8snb.rest.worker import Worker

PUBLIC = frozenset({"/healthz", "/livez", "/readyz"})
"""What is answered without credentials, also below these paths (anonymous authentication for health checks only)."""


class Users:
    """The credentials of one serving."""

    def __init__(self, server: APIServer) -> None:
        self._server = server
        self._tokens: dict[str, UserInfo] = {}

    def know(self, token: str, user: UserInfo) -> None:
        """Recognise a bearer token from now on."""
        self._tokens[token] = with_group(user)

    def known(self, path: str, headers: Mapping[str, str], peer: Mapping[str, Any] | None) -> UserInfo | None:
        """The user behind a request; None when only the cluster can tell (a service account's token).

        ``peer`` is the client certificate that the TLS handshake has verified, as ``ssl.SSLSocket.getpeercert`` gives it.
        ``APIError`` 401 where credentials are needed and none are shown.
        """
        if peer:
            return _holder(peer)
        kind, _, token = headers.get("authorization", "").strip().partition(" ")
        if kind.lower() == "bearer" and token.strip():
            given = token.strip().encode()
            return next(
                (user for known, user in self._tokens.items() if hmac.compare_digest(known.encode(), given)), None
            )
        if not headers.get("authorization") and any(path == p or path.startswith(f"{p}/") for p in PUBLIC):
            return ANONYMOUS
        raise errors.unauthorized()

    def account(self, headers: Mapping[str, str]) -> UserInfo:
        """The service account of a token, asked on the cluster's thread; ``APIError`` 401."""
        return authenticate(headers, self._server)

    async def user_of(
        self, worker: Worker, path: str, headers: Mapping[str, str], peer: Mapping[str, Any] | None
    ) -> UserInfo:
        """The user behind a request; ``APIError`` 401."""
        found = self.known(path, headers, peer)
        return await worker.run(self.account, headers) if found is None else found


def _holder(peer: Mapping[str, Any]) -> UserInfo:
    """The user of a certificate: its common name, in the groups that are its organisations."""
    names: dict[str, list[str]] = {}
    for part in peer.get("subject", ()):
        for field, value in part:
            names.setdefault(field, []).append(value)
    user = (names.get("commonName") or [""])[0]
    if not user:
        raise errors.unauthorized()
    return with_group(UserInfo(user, groups=tuple(names.get("organizationName", ()))))
