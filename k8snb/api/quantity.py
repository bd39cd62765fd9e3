"""Quantities: exact amounts such as ``100m``, ``1.5Gi`` or ``2e3``, with the arithmetic and the canonical form of Go's
``resource.Quantity``.

An amount is a whole number of 10^-9 (anything finer is rounded away from zero when parsed, as Kubernetes does), so sums
are exact. What is written back is canonical: ``0.1`` becomes ``100m``, ``1024Mi`` becomes ``1Gi``. A sum keeps the
notation of its first operand that is not zero. One limit is ours: an exponent above :data:`MAX_EXPONENT` is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, total_ordering
from typing import Final, Literal

from k8snb.api.mistakes import Mistake

Format = Literal["DecimalSI", "BinarySI", "DecimalExponent"]

#: A power of ten that no real amount needs; Kubernetes would take 2^31, and run out of memory comparing it.
MAX_EXPONENT: Final = 4096
#: Go caps binary amounts at the largest int64.
MAX_INT64: Final = (1 << 63) - 1
NANO: Final = 10**9
MICRO: Final = 10**6

_FORMAT_WRONG: Final = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_SUFFIX_WRONG: Final = "unable to parse quantity's suffix"
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY: Final = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_SUFFIX: Final = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_SUFFIX: Final = ("", *_BINARY)
_PARTS: Final = re.compile(r"([+-]?)0*([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)", re.ASCII)
_EXPONENT: Final = re.compile(r"[eE]([+-]?[0-9]{1,18})", re.ASCII)


class QuantityError(Mistake, ValueError):
    """Text that is not a quantity; the message is the API server's."""


@total_ordering
class Quantity:
    """An exact amount: ``nanos`` units of 10^-9, written in ``format``. Immutable; ``str()`` gives the canonical
    text.
    """

    __slots__ = ("_text", "format", "nanos")

    def __init__(self, nanos: int, format: Format = "DecimalSI", text: str = "") -> None:  # noqa: A002  # Go's name
        self.nanos = nanos
        self.format: Format = format
        self._text = text or _canonical(nanos, format)

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"Quantity({self._text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self.nanos == other.nanos

    def __lt__(self, other: Quantity) -> bool:
        return self.nanos < other.nanos

    def __hash__(self) -> int:
        return hash(self.nanos)

    def __bool__(self) -> bool:
        return self.nanos != 0

    def __add__(self, other: Quantity) -> Quantity:
        return Quantity(self.nanos + other.nanos, self.format if self.nanos else other.format)

    def __sub__(self, other: Quantity) -> Quantity:
        return Quantity(self.nanos - other.nanos, self.format if self.nanos else other.format)

    def __neg__(self) -> Quantity:
        return Quantity(-self.nanos, self.format)

    def __mul__(self, times: int) -> Quantity:
        return Quantity(self.nanos * times, self.format)

    def value(self) -> int:
        """Return the amount in whole units, rounded away from zero (Go's ``Value``)."""
        return _away(self.nanos, NANO)

    def milli_value(self) -> int:
        """Return the amount in thousandths, rounded away from zero (Go's ``MilliValue``)."""
        return _away(self.nanos, MICRO)

    def round_up(self, exponent: int) -> Quantity:
        """Return the amount rounded away from zero to a multiple of 10^``exponent`` (at least -9), in the same
        notation.
        """
        unit = int(10 ** (exponent + 9))
        return self if self.nanos % unit == 0 else Quantity(_away(self.nanos, unit) * unit, self.format)


def _away(amount: int, unit: int) -> int:
    return -(-amount // unit) if amount >= 0 else amount // unit


def _canonical(nanos: int, format: Format) -> str:  # noqa: A002  # Go's name
    number, exponent, format = _parts(nanos, format)  # noqa: A001
    if format == "BinarySI":
        return f"{number}{_BINARY_SUFFIX[exponent]}"
    if format == "DecimalExponent":
        return f"{number}e{exponent}" if exponent else str(number)
    # Above E there is no suffix, and Go writes none: its canonical form of 1000E is "1".
    return f"{number}{_DECIMAL_SUFFIX.get(exponent, '')}"


def _parts(nanos: int, format: Format) -> tuple[int, int, Format]:  # noqa: A002  # Go's name
    """Return (number, exponent, notation): exponent of 1000 steps of ten, or of 1024 for BinarySI."""
    if nanos == 0:
        return 0, 0, "DecimalSI"
    if format == "BinarySI" and abs(nanos) >= 1024 * NANO and nanos % NANO == 0:
        number, exponent = nanos // NANO, 0
        while number % 1024 == 0 and exponent < len(_BINARY):
            number, exponent = number // 1024, exponent + 1
        return number, exponent, "BinarySI"
    # Binary notation is given up rather than lose precision or write an amount below one Ki.
    digits = str(abs(nanos))
    zeros = len(digits) - len(digits.rstrip("0"))
    exponent = (zeros - 9) - (zeros % 3)
    number = nanos // int(10 ** (zeros - zeros % 3))
    return number, exponent, "DecimalExponent" if format == "DecimalExponent" else "DecimalSI"


@dataclass(frozen=True, slots=True)
class _Written:
    """What the text of a quantity says, before any rounding: ``digits`` times 10^``places``, times 2^``shift``."""

    negative: bool
    digits: int
    whole: str
    fraction: str
    exponent: int
    base: int
    format: Format


def _read(text: str) -> _Written:
    match = _PARTS.fullmatch(text)
    if match is None or not text:
        raise QuantityError(_FORMAT_WRONG)
    whole, fraction = match[2] or "0", match[3] or ""
    if len(whole) + len(fraction) > MAX_EXPONENT:
        raise QuantityError(_FORMAT_WRONG)
    exponent, base, format = _suffix(match[4])  # noqa: A001
    return _Written(match[1] == "-", int(whole + fraction), whole, fraction, exponent, base, format)


def _fits_int64(read: _Written) -> bool:
    """Return whether Go keeps the amount as an int64 with a scale, rather than as a big decimal."""
    if read.base == 2:
        room = 15 - len(read.whole) - read.exponent * 3 // 10 - 1
        return not read.fraction and room >= 0 and read.digits << read.exponent <= MAX_INT64
    room = 18 - len(read.whole) - len(read.fraction)
    return room >= 0 and read.exponent - len(read.fraction) >= -9


def _keeps_text(read: _Written) -> bool:
    """Return whether Go remembers the text as it was written: it then writes ``+5`` and ``1E+3`` back as they are."""
    if read.fraction or not read.digits or not _fits_int64(read):
        return False
    if read.base == 2:
        return read.digits % 8 != 0
    return read.exponent % 3 == 0 and read.digits % 1000 != 0


@lru_cache(maxsize=1 << 16)
def parse(text: str) -> Quantity:
    """Return the amount that ``text`` says. Cached by text; raises :class:`QuantityError` with the server's message."""
    if text == "0":
        return ZERO
    read = _read(text)
    digits, format = read.digits, read.format  # noqa: A001
    places = -len(read.fraction) if read.base == 2 else read.exponent - len(read.fraction)
    if read.base == 2:
        digits <<= read.exponent
    if places >= -9:
        nanos = digits * 10 ** (places + 9)
    elif -places - 9 > len(read.whole + read.fraction) + 20:
        nanos = 1 if digits else 0  # far below the smallest amount: some is asked for, some is given
    else:
        nanos = _away(digits, 10 ** (-places - 9))
    if format == "BinarySI":
        if nanos > MAX_INT64 * NANO:
            nanos = MAX_INT64 * NANO
        elif 0 < nanos < NANO:
            format = "DecimalSI"  # noqa: A001
    return Quantity(-nanos if read.negative else nanos, format, text if _keeps_text(read) else "")


def layout(text: str) -> tuple[int, int, tuple[int, int] | None, str, Format]:
    """Return how Go holds a parsed quantity: (int64, its scale, big decimal or None, remembered text, notation).

    The big decimal is (number, decimal places). Only :mod:`k8snb.api.hashing` has a use for this.
    """
    if text == "0":
        return 0, 0, None, "0", "DecimalSI"
    read, parsed = _read(text), parse(text)
    sign = -1 if read.negative else 1
    if _fits_int64(read):
        scale = 0 if read.base == 2 else read.exponent - len(read.fraction)
        number = read.digits << read.exponent if read.base == 2 else read.digits
        return sign * number, scale, None, text if _keeps_text(read) else "", read.format
    if read.base == 2 and abs(parsed.nanos) == MAX_INT64 * NANO:
        return 0, 0, (sign * MAX_INT64, 0), "", parsed.format
    return 0, 0, (parsed.nanos, 9), "", parsed.format


def _suffix(suffix: str) -> tuple[int, int, Format]:
    """Return (exponent, base, notation)."""
    if suffix in _DECIMAL:
        return _DECIMAL[suffix], 10, "DecimalSI"
    if suffix in _BINARY:
        return _BINARY[suffix], 2, "BinarySI"
    match = _EXPONENT.fullmatch(suffix)
    if match is None or int(match[1]) > MAX_EXPONENT:
        raise QuantityError(_SUFFIX_WRONG)
    return int(match[1]), 10, "DecimalExponent"


ZERO: Final = Quantity(0, "DecimalSI", "0")


def canonical(text: str) -> str:
    """Return the canonical spelling of a quantity; raises :class:`QuantityError`."""
    return str(parse(text))


def value(text: str | None) -> int:
    """Return a quantity in whole units, rounded away from zero; None is 0."""
    return 0 if text is None else parse(text).value()


def milli(text: str | None) -> int:
    """Return a quantity in thousandths, rounded away from zero; None is 0."""
    return 0 if text is None else parse(text).milli_value()


def from_int(amount: int, format: Format = "DecimalSI") -> str:  # noqa: A002  # Go's name
    """Return the canonical text of a whole amount."""
    return str(Quantity(amount * NANO, format))


def from_milli(amount: int) -> str:
    """Return the canonical text of an amount in thousandths: 1500 is ``1500m``."""
    return str(Quantity(amount * MICRO))


def add(left: str, right: str) -> str:
    """Return the sum of two quantities as canonical text."""
    return str(parse(left) + parse(right))


def sub(left: str, right: str) -> str:
    """Return the difference of two quantities as canonical text."""
    return str(parse(left) - parse(right))


def cmp(left: str, right: str) -> int:
    """Return -1, 0 or 1 as ``left`` is less than, equal to or greater than ``right``."""
    a, b = parse(left).nanos, parse(right).nanos
    return (a > b) - (a < b)


def total(lists: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the sum of resource lists (``{"cpu": "100m", …}``), resource by resource, in order of first appearance."""
    sums: dict[str, Quantity] = {}
    for item in lists:
        for name, text in item.items():
            sums[name] = sums[name] + parse(text) if name in sums else parse(text)
    return {name: str(amount) for name, amount in sums.items()}
