"""Seeded chance: unique ids, name suffixes and choices, the same for the same seed on every machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""The characters of generated names (apimachinery ``rand.String``): no vowels, no look-alikes."""

_MASK = (1 << 64) - 1
_T = TypeVar("_T")


class Ids:
    """A stream of pseudo-random numbers (SplitMix64) and what Kubernetes makes from them.

    ``state`` is the whole state: equal states give equal futures, so a fork goes on exactly as its origin would.
    """

    __slots__ = ("state",)

    def __init__(self, seed: int = 0) -> None:
        self.state = (seed * 0x2545F4914F6CDD1D + 0x9E3779B97F4A7C15) & _MASK

    def bits(self) -> int:
        """The next 64 random bits."""
        self.state = z = (self.state + 0x9E3779B97F4A7C15) & _MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def number(self, n: int) -> int:
        """A number from 0 to n - 1."""
        return self.bits() % n

    def fraction(self) -> float:
        """A number in [0, 1)."""
        return (self.bits() >> 11) / (1 << 53)

    def choice(self, items: Sequence[_T]) -> _T:
        """One of the items."""
        return items[self.bits() % len(items)]

    def suffix(self, length: int = 5) -> str:
        """The random part of a generated name (5 characters: apiserver ``names.SimpleNameGenerator``)."""
        value = self.bits()
        characters = []
        for _ in range(length):
            if value < 27:
                value = self.bits()
            value, index = divmod(value, 27)
            characters.append(SUFFIX_ALPHABET[index])
        return "".join(characters)

    def uid(self) -> str:
        """A UUID of version 4 (random), variant 1."""
        high, low = self.bits(), self.bits()
        variant = (low >> 60 & 3 | 8) << 12
        return (
            f"{high >> 32:08x}-{high >> 16 & 0xFFFF:04x}-4{high & 0xFFF:03x}-"
            f"{variant | low >> 48 & 0xFFF:04x}-{low & 0xFFFFFFFFFFFF:012x}"
        )
