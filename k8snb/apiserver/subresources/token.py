"""serviceaccounts/token: a token that a service account can show to the API server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from k8snb.api import errors
from k8snb.api.request import Response
from k8snb.api.types.authentication_v1 import TokenRequestSpec, TokenRequestStatus
from k8snb.apiserver import decoding, tokens
from k8snb.apiserver.registry import read
from k8snb.apiserver.subresources.protocol import Subresource
from k8snb.apiserver.validation.field import Path, invalid
from k8snb.sim.clock import rfc3339

if TYPE_CHECKING:
    from k8snb.api.scheme import Resource
    from k8snb.api.types.authentication_v1 import TokenRequest
    from k8snb.apiserver.context import ServerContext
    from k8snb.apiserver.endpoint import Endpoint

DEFAULT_SECONDS = 3600
MIN_SECONDS = 600
MAX_SECONDS = 1 << 32
_EXPIRATION = Path("spec") / "expirationSeconds"


class Token(Subresource):
    """POST a TokenRequest; the answer carries the token and when it expires."""

    name = "token"

    def serves(self, resource: Resource) -> bool:
        return resource.plural == "serviceaccounts" and not resource.group

    def create(self, ctx: ServerContext, ep: Endpoint) -> Response:
        r = ctx.request
        request: TokenRequest = decoding.subresource_object(ctx, "authentication.k8s.io/v1", "TokenRequest")
        account = read.get(ctx.server.store, ep, r.namespace, r.name, r.options)
        meta = request.metadata
        if meta.name and meta.name != r.name:
            raise errors.bad_request(
                f"the name of the object ({meta.name}) does not match the name on the URL ({r.name})"
            )
        spec = request.spec
        seconds = DEFAULT_SECONDS if spec.expirationSeconds is None else spec.expirationSeconds
        problems: list[Any] = []
        if seconds < MIN_SECONDS:
            problems.append(invalid(_EXPIRATION, seconds, "may not specify a duration less than 10 minutes"))
        elif seconds > MAX_SECONDS:
            problems.append(invalid(_EXPIRATION, seconds, "may not specify a duration larger than 2^32 seconds"))
        if problems:
            raise errors.invalid("TokenRequest", meta.name or "", problems, "authentication.k8s.io")
        _check_bound(ctx, request)
        audiences = spec.audiences or (tokens.ISSUER,)
        token = tokens.issue(account, audiences, ctx.time, seconds, spec.boundObjectRef, ctx.server.token_secret)
        done = replace(
            request,
            metadata=replace(
                meta, name=r.name, namespace=r.namespace, uid=account.metadata.uid, creationTimestamp=ctx.now
            ),
            spec=TokenRequestSpec(audiences=audiences, expirationSeconds=seconds, boundObjectRef=spec.boundObjectRef),
            status=TokenRequestStatus(token=token, expirationTimestamp=rfc3339(ctx.time + seconds)),
        )
        return Response(201, done)


def _check_bound(ctx: ServerContext, request: TokenRequest) -> None:
    """A token may be bound to a pod that runs as the account, a secret or a node."""
    ref = request.spec.boundObjectRef
    if ref is None:
        return
    r = ctx.request
    kinds = {("v1", "Pod"): "pods", ("v1", "Secret"): "secrets", ("v1", "Node"): "nodes"}
    plural = kinds.get((ref.apiVersion or "", ref.kind or ""))
    if plural is None:
        raise errors.bad_request(
            f"cannot bind token for serviceaccount to object type {ref.apiVersion}, Kind={ref.kind}"
        )
    found = ctx.server.reader.get(plural, "" if plural == "nodes" else r.namespace, ref.name or "")
    if found is None:
        raise errors.not_found(plural, ref.name or "")
    if plural == "pods" and found.spec.serviceAccountName != r.name:
        raise errors.bad_request(
            f'cannot bind token for serviceaccount "{r.name}" to pod running with different serviceaccount name.'
        )
    if ref.uid and ref.uid != found.metadata.uid:
        raise errors.conflict(
            plural,
            ref.name or "",
            f"the UID in the bound object reference ({ref.uid}) does not match the UID in record. "
            "The object might have been deleted and then recreated",
        )
