"""Events, stored as core/v1 whichever API they come through."""

from __future__ import annotations

from k8snb.api.types import core_v1 as core
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.strategy import Context
from k8snb.apiserver.validation import events
from k8snb.apiserver.validation.field import FieldError
from k8snb.apiserver.validation.metadata import Errors


class EventStrategy(Kind):
    """Decisions about events."""

    serves = (("v1", "Event"), ("events.k8s.io/v1", "Event"))
    allow_create_on_update = True

    def validate(self, obj: core.Event, ctx: Context) -> list[FieldError]:
        """Problems of a new event."""
        errors: Errors = []
        events.create(obj, not ctx.request.resource.group, errors)
        return errors

    def validate_update(self, new: core.Event, old: core.Event, ctx: Context) -> list[FieldError]:
        """Problems of a changed event."""
        errors: Errors = []
        events.update(new, old, not ctx.request.resource.group, errors)
        return errors
