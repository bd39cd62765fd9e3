"""LimitRanges."""

from __future__ import annotations

from msgspec.structs import replace

from k8snb.api.types import core_v1 as core
from k8snb.apiserver.defaults.limits import limit_range_item
from k8snb.apiserver.defaults.pods import changed, each
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.strategy import Context
from k8snb.apiserver.validation.field import SPEC, FieldError
from k8snb.apiserver.validation.limits import limit_range_spec
from k8snb.apiserver.validation.metadata import Errors


class LimitRangeStrategy(Kind):
    """Decisions about limit ranges."""

    serves = (("v1", "LimitRange"),)
    allow_create_on_update = True

    def default(self, obj: core.LimitRange) -> core.LimitRange:
        """What is not said about containers follows from what is."""
        limits = each(obj.spec.limits, limit_range_item)
        return changed(obj, spec=changed(obj.spec, limits=limits))

    def prepare_for_create(self, obj: core.LimitRange, ctx: Context) -> core.LimitRange:
        """One without a name gets one."""
        return obj if obj.metadata.name else replace(obj, metadata=replace(obj.metadata, name=ctx.ids.uid()))

    def validate_update(self, new: core.LimitRange, old: core.LimitRange, ctx: Context) -> list[FieldError]:
        """The same as for a new one."""
        return self.validate(new, ctx)

    def check(self, obj: core.LimitRange, errors: Errors) -> None:
        """Every limit."""
        limit_range_spec(obj.spec, SPEC, errors)
