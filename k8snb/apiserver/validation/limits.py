"""Validation of LimitRanges: every kind of limit once, and numbers that do not contradict each other."""

from __future__ import annotations

from typing import Final

from k8snb.api.quantity import NANO, Quantity, parse
from k8snb.api.types import core_v1 as core
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import Path, duplicate, forbidden, invalid, reject, required
from k8snb.apiserver.validation.metadata import Errors
from k8snb.apiserver.validation.resources import container_resource_name, overcommits, resource_name

_TYPES: Final = ("Pod", "Container", "PersistentVolumeClaim")
_LISTS: Final = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")
_NO_POD_DEFAULT: Final = "may not be specified when `type` is 'Pod'"
# Above it the server compares whole units instead of thousandths.
_MOST_MILLI: Final = ((1 << 63) - 1) // 1000


def limit_range_spec(spec: core.LimitRangeSpec, path: Path, errors: Errors) -> None:
    """``spec`` of a LimitRange."""
    seen: set[str] = set()
    for index, item in enumerate(spec.limits):
        where = (path / "limits")[index]
        _kind(item.type, where / "type", errors)
        if item.type in seen:
            errors.append(duplicate(where / "type", item.type))
        seen.add(item.type)
        _item(item, where, errors)


def _kind(name: str, path: Path, errors: Errors) -> None:
    messages = names.qualified_name(name)
    reject(errors, path, name, messages)
    if not messages and "/" not in name and name not in _TYPES:
        errors.append(invalid(path, name, "must be a standard limit type or fully qualified"))


def _item(item: core.LimitRangeItem, path: Path, errors: Errors) -> None:
    keys: set[str] = set()
    for name in _LISTS:
        amounts = getattr(item, name)
        if item.type == "Pod" and name in ("default", "defaultRequest"):
            if amounts:
                errors.append(forbidden(path / name, _NO_POD_DEFAULT))
            continue
        if name == "maxLimitRequestRatio" and item.type == "PersistentVolumeClaim":
            _storage(item, path, errors)
        for key in sorted(amounts):
            check = container_resource_name if item.type in ("Pod", "Container") else resource_name
            check(key, (path / name)[key], errors)
            keys.add(key)
    for key in sorted(keys):
        _amounts(item, key, path, errors)


def _storage(item: core.LimitRangeItem, path: Path, errors: Errors) -> None:
    if "storage" not in item.min and "storage" not in item.max:
        detail = "either minimum or maximum storage value is required, but neither was provided"
        errors.append(required(path / "limits", detail))


def _amounts(item: core.LimitRangeItem, key: str, path: Path, errors: Errors) -> None:
    pod = item.type == "Pod"
    low, high = item.min.get(key), item.max.get(key)
    default = None if pod else item.default.get(key)
    request = None if pod else item.defaultRequest.get(key)

    def compare(one: str | None, other: str | None, name: str, shown: str | None, words: str) -> None:
        """``one`` may not be above ``other``."""
        if one is not None and other is not None and parse(one).nanos > parse(other).nanos:
            first, second = words.split("|")
            errors.append(
                invalid((path / name)[key], shown, f"{first} value {one} is greater than {second} value {other}")
            )

    compare(low, high, "min", low, "min|max")
    compare(low, request, "defaultRequest", request, "min|default request")
    compare(request, high, "defaultRequest", request, "default request|max")
    compare(request, default, "defaultRequest", request, "default request|default limit")
    compare(low, default, "default", low, "min|default")
    compare(default, high, "default", high, "default|max")
    ratio = item.maxLimitRequestRatio.get(key)
    if ratio is not None:
        _ratio(ratio, low, high, (path / "maxLimitRequestRatio")[key], errors)
    if (
        not overcommits(key)
        and default is not None
        and request is not None
        and parse(default).nanos != parse(request).nanos
    ):
        detail = f"default value {default} must equal to defaultRequest value {request} in {key}"
        errors.append(invalid((path / "defaultRequest")[key], request, detail))


def _ratio(ratio: str, low: str | None, high: str | None, path: Path, errors: Errors) -> None:
    most = parse(ratio)
    if most.nanos < NANO:
        errors.append(invalid(path, ratio, f"ratio {ratio} is less than 1"))
    if low is None or high is None:
        return
    possible = _divided(parse(high), parse(low), most)
    if most.nanos / NANO > possible:
        errors.append(invalid(path, ratio, f"ratio {ratio} is greater than max/min = {_float(possible)}"))


def _divided(high: Quantity, low: Quantity, ratio: Quantity) -> float:
    if max(high.value(), low.value(), ratio.value()) < _MOST_MILLI:
        above, below = high.milli_value(), low.milli_value()
    else:
        above, below = high.value(), low.value()
    if below == 0:
        return float("inf") if above else float("nan")
    return above / below


def _float(value: float) -> str:
    return "+Inf" if value == float("inf") else f"{value:f}"
