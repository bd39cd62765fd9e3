"""Addresses besides the API's own: health checks in detail, and the OpenAPI documents."""

from __future__ import annotations

import hashlib
from typing import Any

from k8snb import locale
from k8snb.api import errors
from k8snb.api.about import LANGUAGES
from k8snb.apiserver.http import encode, media
from k8snb.apiserver.http.message import HTTPRequest, HTTPResponse
from k8snb.rest.openapi import Documents

CHECKS = (
    "ping", "log", "informer-sync", "poststarthook/start-apiserver-admission-initializer",
    "poststarthook/start-apiextensions-controllers", "poststarthook/crd-informer-synced",
    "poststarthook/start-system-namespaces-controller", "poststarthook/storage-readiness",
    "poststarthook/start-service-ip-repair-controllers", "poststarthook/rbac/bootstrap-roles",
    "poststarthook/scheduling/bootstrap-system-priority-classes", "poststarthook/bootstrap-controller",
    "poststarthook/start-kubernetes-service-cidr-controller", "shutdown",
)  # fmt: skip
"""The checks of kube-apiserver that stand for something that the model has."""
_ONLY_READY = frozenset({"informer-sync", "shutdown"})
_VARIES = ("Vary", "Accept-Language")
_FOR_EVER = "public, immutable"
_PROTO_V2 = "application/com.github.proto-openapi.spec.v2"
_PACKED = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"


def health(path: str, query: dict[str, list[str]]) -> HTTPResponse | None:
    """``/healthz``, ``/livez`` and ``/readyz``, as a whole or one check; None for another path. A served cluster is well."""
    name, _, check = path.strip("/").partition("/")
    if name not in ("healthz", "livez", "readyz"):
        return None
    checks = [item for item in CHECKS if name == "readyz" or item not in _ONLY_READY]
    if check:
        return encode.text(200, "ok") if check in checks else encode.text(404, "404 page not found\n")
    if "verbose" not in query:
        return encode.text(200, "ok")
    left_out = set(query.get("exclude", ()))
    lines = [f"[+]{item} {'excluded: ' if item in left_out else ''}ok\n" for item in checks]
    return encode.text(200, f"{''.join(lines)}{name} check passed\n")


def openapi(documents: Documents, request: HTTPRequest, path: str, query: dict[str, list[str]]) -> HTTPResponse | None:
    """The OpenAPI documents, in the client's language or else in that of the server's reader; None for another path.

    ``APIError`` 405.
    """
    parts = path.strip("/").split("/")
    if parts[:1] != ["openapi"] or len(parts) < 2:
        return None
    if request.method not in ("GET", "HEAD"):
        raise errors.method_not_allowed()
    rest = "/".join(parts[2:])
    language = spoken(request.headers.get("accept-language", ""))
    if parts[1] == "v3" and not rest:
        return HTTPResponse(200, (("Content-Type", "text/plain; charset=utf-8"), _VARIES), documents.index(language))
    if parts[1] == "v2" and not rest:
        accept = request.headers.get("accept", "")
        if accept and next((kind for kind, _ in media.by_quality(accept)), "").startswith(_PROTO_V2):
            packed = documents.packed(language)
            return tagged(request, HTTPResponse(200, (("Content-Type", _PACKED), _VARIES), packed.body), packed.hash)
        swagger = documents.swagger(language)
        return tagged(request, HTTPResponse(200, (("Content-Type", media.JSON), _VARIES), swagger.body), swagger.hash)
    found = documents.document(rest, language) if parts[1] == "v3" else None
    if found is None:
        return None
    wanted = query.get("hash", [found.hash])[0]
    if wanted != found.hash:
        return HTTPResponse(301, (("Location", f"/openapi/v3/{rest}?hash={found.hash}"),))
    kept = (("Cache-Control", _FOR_EVER),) if "hash" in query else ()
    return tagged(request, HTTPResponse(200, (("Content-Type", media.JSON), _VARIES, *kept), found.body), found.hash)


def spoken(accepted: str) -> str:
    """en or zh: the first of them that a client accepts, else the language that the server's reader has chosen."""
    for part in accepted.split(","):
        name = part.partition(";")[0].strip().lower().partition("-")[0]
        if name in LANGUAGES:
            return name
    return locale.current().partition("_")[0]


def discovery(request: HTTPRequest, answer: HTTPResponse) -> HTTPResponse:
    """An aggregated discovery document with a tag, so that clients need not read the same one again."""
    if answer.code != 200 or "as=APIGroupDiscoveryList" not in answer.content_type:
        return answer
    kept = HTTPResponse(200, (*answer.headers, ("Cache-Control", "public")), answer.body)
    return tagged(request, kept, hashlib.sha512(answer.body).hexdigest().upper())


def tagged(request: HTTPRequest, answer: HTTPResponse, tag: str) -> HTTPResponse:
    """The answer with an ETag; 304 when the client has it already."""
    header = ("ETag", f'"{tag}"')
    known: Any = request.headers.get("if-none-match", "")
    if f'"{tag}"' in known:
        return HTTPResponse(304, (header,))
    return HTTPResponse(answer.code, (*answer.headers, header), answer.body)
