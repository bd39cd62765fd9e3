"""Amounts as they are stored: nothing finer than a thousandth."""

from __future__ import annotations

from collections.abc import Mapping

from k8snb.api.frozen import FrozenDict
from k8snb.api.quantity import MICRO, parse

# Resource lists are rounded up to 10^-3 (core/v1 SetDefaults_ResourceList).
_MILLI_EXPONENT = -3


def rounded(amounts: Mapping[str, str]) -> Mapping[str, str]:
    """The list with every amount rounded up to thousandths; the same object when nothing changes."""
    for amount in amounts.values():
        if parse(amount).nanos % MICRO:
            return FrozenDict({name: str(parse(text).round_up(_MILLI_EXPONENT)) for name, text in amounts.items()})
    return amounts
