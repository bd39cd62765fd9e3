"""Numbers that may be given as a percentage: ``maxSurge: 25%``."""

from __future__ import annotations

from k8snb.api.scalars import IntOrString


def scaled(value: IntOrString, total: int, *, up: bool) -> int:
    """The number that an int or a percentage of ``total`` stands for, rounded up or down.

    Raises ``ValueError`` for text that is no percentage (apimachinery ``intstr.GetScaledValueFromIntOrPercent``).
    """
    if isinstance(value, int):
        return value
    if not value.endswith("%"):
        raise ValueError("invalid value for IntOrString: invalid type: string is not a percentage")
    percent = int(value[:-1])
    return -(-percent * total // 100) if up else percent * total // 100
