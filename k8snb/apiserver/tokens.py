"""Service account tokens: JSON Web Tokens that this API server issues and recognises.

They look like real ones and expire like them. The key that signs them follows from the account's uid, so that the same
cluster issues the same tokens; a cluster that others can reach is given a secret besides (`APIServer.token_secret`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

from k8snb.api.request import UserInfo
from k8snb.sim.clock import EPOCH

if TYPE_CHECKING:
    from k8snb.api.types.authentication_v1 import BoundObjectReference
    from k8snb.api.types.core_v1 import ServiceAccount
    from k8snb.apiserver.reader import StoreReader

ISSUER = "https://kubernetes.default.svc"
_EPOCH = int(EPOCH.timestamp())
_HEADER = {"alg": "HS256", "kid": "k8snb", "typ": "JWT"}


def issue(
    account: ServiceAccount,
    audiences: tuple[str, ...],
    now: float,
    seconds: int,
    bound: BoundObjectReference | None,
    secret: bytes = b"",
) -> str:
    """A token for the account that is valid for `seconds` simulated seconds from `now` on."""
    meta = account.metadata
    private: dict[str, Any] = {
        "namespace": meta.namespace,
        "serviceaccount": {"name": meta.name, "uid": meta.uid},
    }
    if bound is not None:
        private[(bound.kind or "").lower()] = {"name": bound.name, "uid": bound.uid}
    issued = _EPOCH + int(now)
    claims = {
        "aud": list(audiences),
        "exp": issued + seconds,
        "iat": issued,
        "iss": ISSUER,
        "kubernetes.io": private,
        "nbf": issued,
        "sub": f"system:serviceaccount:{meta.namespace}:{meta.name}",
    }
    signed = f"{_encode(_HEADER)}.{_encode(claims)}"
    return f"{signed}.{_sign(signed, meta.uid or '', secret)}"


def user_of(token: str, reader: StoreReader, now: float, secret: bytes = b"") -> UserInfo | None:
    """The service account behind a token; None when it is not ours, has expired, or its account or object is gone."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        private = claims["kubernetes.io"]
        namespace, account = private["namespace"], private["serviceaccount"]
        name, uid, expires = account["name"], account["uid"], claims["exp"]
    except (ValueError, KeyError, TypeError):
        return None
    signed = f"{parts[0]}.{parts[1]}"
    if not isinstance(uid, str) or not hmac.compare_digest(_sign(signed, uid, secret).encode(), parts[2].encode()):
        return None
    if _EPOCH + now >= expires:
        return None
    found = reader.get("serviceaccounts", namespace, name)
    if found is None or found.metadata.uid != uid:
        return None
    if "pod" in private:
        pod = reader.get("pods", namespace, private["pod"].get("name") or "")
        if pod is None or pod.metadata.uid != private["pod"].get("uid"):
            return None
    return UserInfo(
        f"system:serviceaccount:{namespace}:{name}",
        uid,
        ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"),
    )


def _encode(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")


def _sign(text: str, key: str, secret: bytes) -> str:
    digest = hmac.new(secret + key.encode(), text.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
