"""Subresources that are a part of the object itself: status, finalize, resize, ephemeralcontainers, approval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from k8snb.api import errors
from k8snb.apiserver import decoding, verbs
from k8snb.apiserver.registry.update import Part
from k8snb.apiserver.subresources.protocol import Subresource

if TYPE_CHECKING:
    from k8snb.api.request import Response
    from k8snb.apiserver.context import ServerContext
    from k8snb.apiserver.endpoint import Endpoint


class PartOfObject(Subresource):
    """GET answers the whole object; PUT and PATCH take the whole object and change only the part."""

    def __init__(self, name: str) -> None:
        self.name = name

    def part(self, ep: Endpoint) -> Part:
        """What may be changed and how it is checked, by the kind's strategy."""
        strategy, name = ep.strategy, self.name
        if name == "status":
            return Part(strategy.prepare_for_status_update, strategy.validate_status_update)
        return Part(
            lambda new, old, ctx: strategy.prepare_for_subresource(name, new, old, ctx),
            lambda new, old, ctx: strategy.validate_subresource(name, new, old, ctx),
        )

    def get(self, ctx: ServerContext, ep: Endpoint) -> Response:
        return verbs.get(ctx, ep)

    def update(self, ctx: ServerContext, ep: Endpoint) -> Response:
        r = ctx.request
        current = ctx.server.store.get(ep.stored.key(r.namespace, r.name))
        obj = verbs.named(r, decoding.body_object(ctx, ep, None if current is None else current.value))
        if current is None:
            raise errors.not_found(ep.plural, r.name, ep.group)
        obj = verbs.settled(ctx, ep, obj, current)
        verbs.check_uid(ep, obj, current)
        return verbs.change(ctx, ep, obj, current, self.part(ep), self.name)

    def patch(self, ctx: ServerContext, ep: Endpoint) -> Response:
        return verbs.patch_part(ctx, ep, self.part(ep), self.name)
