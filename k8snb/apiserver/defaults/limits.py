"""Defaults of LimitRanges: what is not said about containers follows from what is."""

from __future__ import annotations

from collections.abc import Mapping

from k8snb.api.frozen import FrozenDict
from k8snb.api.types import core_v1 as core
from k8snb.apiserver.defaults.pods import changed
from k8snb.apiserver.defaults.resources import rounded


def limit_range_item(item: core.LimitRangeItem) -> core.LimitRangeItem:
    """Limits of containers default to the maximum, requests to the limit, else to the minimum."""
    low, high = rounded(item.min), rounded(item.max)
    default, request = rounded(item.default), rounded(item.defaultRequest)
    if item.type == "Container":
        default = _filled(default, high)
        request = _filled(_filled(request, default), low)
    return changed(
        item,
        min=low,
        max=high,
        default=default,
        defaultRequest=request,
        maxLimitRequestRatio=rounded(item.maxLimitRequestRatio),
    )


def _filled(amounts: Mapping[str, str], others: Mapping[str, str]) -> Mapping[str, str]:
    missing = {name: amount for name, amount in others.items() if name not in amounts}
    return FrozenDict({**amounts, **missing}) if missing else amounts
