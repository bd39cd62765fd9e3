"""Go's way of writing values in messages: `%q` of a string, `%v` of lists and maps, JSON in its key order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PLAIN = re.compile(r"[ !#-\[\]-~]*").fullmatch
_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


def quote(text: str) -> str:
    """The text as Go's `strconv.Quote` (`%q`) writes it; lone surrogates stand for invalid bytes (`surrogateescape`)."""
    if _PLAIN(text):
        return f'"{text}"'
    return '"' + "".join(map(_rune, text)) + '"'


def _rune(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def quoted_list(items: Iterable[str], separator: str = " ") -> str:
    """`%q` of a slice of strings: `["a" "b"]`."""
    return "[" + separator.join(quote(item) for item in items) + "]"


def plain(value: Any) -> str:
    """`%v` of a JSON-like tree as Go prints it after decoding into interface{}: `map[a:1 b:[x y]]`, `<nil>`, `true`."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return plain_map(value)
    if isinstance(value, list | tuple):
        return "[" + " ".join(plain(item) for item in value) + "]"
    if isinstance(value, float):
        return _float(value)
    return str(value)


def plain_map(value: Mapping[str, Any]) -> str:
    """`%v` of a map: keys in byte order, `map[a:1 b:2]`."""
    return "map[" + " ".join(f"{key}:{plain(value[key])}" for key in sorted(value)) + "]"


def _float(value: float) -> str:
    """`%v` of a float64: shortest form, exponent below 1e-4 and from 1e21 (`%g` with the large exponent threshold)."""
    if value != value:  # noqa: PLR0124
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    mantissa, _, exponent = f"{value:e}".partition("e")
    if value and not -4 <= int(exponent) < 21:
        digits = repr(value)
        if "e" not in digits:
            mantissa = f"{value:.17g}"
            digits = min((f"{value:.{n}e}" for n in range(17)), key=lambda text: (float(text) != value, len(text)))
        mantissa, _, exponent = digits.partition("e")
        power = int(exponent)
        return f"{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"
    text = repr(value)
    if "e" in text:
        text = f"{value:f}" if abs(value) < 1 else f"{int(value)}"
    return text.removesuffix(".0")
