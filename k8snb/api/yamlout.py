"""YAML as kubectl prints it: keys sorted, ``- `` at the level of its key, strings quoted by go-yaml's rules."""

from __future__ import annotations

import re
from functools import cmp_to_key
from typing import Any, Final

from k8snb.api.yaml11 import resolves_to_text

#: go-yaml folds plain and quoted text that would pass this column (libyaml's ``best_width``).
WIDTH: Final = 80
#: A longer key is written with a question mark before it (libyaml's ``check_simple_key``).
SIMPLE_KEY: Final = 128

_INDICATOR_FIRST: Final = "#,[]{}&*!|>'\"%@`"
_BASE60: Final = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?", re.ASCII)
_TIMESTAMP: Final = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([Tt ]\d{1,2}:\d{2}:\d{2}(\.\d+)?.*)?", re.ASCII)
_PRINTABLE: Final = re.compile("[\\n -~\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*")
_ESCAPES: Final = {
    "\0": "\\0", "\a": "\\a", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\v": "\\v", "\f": "\\f", "\r": "\\r",
    "\x1b": "\\e", '"': '\\"', "\\": "\\\\", "\x85": "\\N", "\u00a0": "\\_", "\u2028": "\\L", "\u2029": "\\P",
}  # fmt: skip


def dump(tree: Any) -> str:
    """Return a plain tree (dicts, lists, scalars) as YAML text that ends with a newline."""
    lines: list[str] = []
    _node(tree, 0, "", lines)
    return "\n".join(lines) + "\n"


def _node(value: Any, indent: int, head: str, lines: list[str], in_list: bool = False) -> None:
    """Append the lines of ``value``; ``head`` is what stands before it on its first line (``key:`` or ``-``)."""
    if isinstance(value, dict) and value:
        pad = " " * indent
        if head and not in_list:
            lines.append(head)
        for number, key in enumerate(sorted(value, key=_natural)):
            first = head + " " if in_list and number == 0 else pad
            _entry(first, _key(str(key)), value[key], indent, lines)
    elif isinstance(value, (list, tuple)) and value:
        pad = " " * indent
        if head and not in_list:
            lines.append(head)
        for number, item in enumerate(value):
            first = head + " " if in_list and number == 0 else pad
            _node(item, indent + 2, first + "-", lines, in_list=True)
    else:
        lines.extend(_leaf(value, indent, head))


def _entry(first: str, key: str, value: Any, indent: int, lines: list[str]) -> None:
    head = f"{first}{key}:"
    if len(key.encode()) > SIMPLE_KEY:
        lines.append(f"{first}? {key}")
        head = " " * indent + ":"
    if isinstance(value, dict) and value:
        _node(value, indent + 2, head, lines)
    elif isinstance(value, (list, tuple)) and value:
        _node(value, indent, head, lines)
    else:
        lines.extend(_leaf(value, indent + 2, head))


def _compare(left: str, right: str) -> int:
    """Order two keys as go-yaml does: letters by code, other characters before letters, digits as numbers."""
    for index, (a, b) in enumerate(zip(left, right, strict=False)):
        if a == b:
            continue
        if a.isalpha() and b.isalpha():
            return -1 if a < b else 1
        if a.isalpha() or b.isalpha():
            return -1 if b.isalpha() else 1
        carry = 0
        if "0" in (a, b):
            before = re.search(r"[0-9]*$", left[:index])
            carry = 1 if before and before[0].strip("0") else 0
        first, second = _digits(left, index), _digits(right, index)
        one, two = int(f"{carry}{first}"), int(f"{carry}{second}")
        if one != two:
            return -1 if one < two else 1
        if len(first) != len(second):
            return -1 if len(first) < len(second) else 1
        return -1 if a < b else 1
    return len(left) - len(right)


def _digits(text: str, index: int) -> str:
    match = _DIGITS.match(text, index)
    return match[0][:18] if match else ""


_DIGITS: Final = re.compile(r"[0-9]*")
_natural: Final = cmp_to_key(_compare)


def _key(text: str) -> str:
    return _double(text) if "\n" in text else _styled(text)[1]


def _leaf(value: Any, indent: int, head: str) -> list[str]:
    before = head + " " if head else ""
    if value is None:
        return [before + "null"]
    if isinstance(value, bool):
        return [before + ("true" if value else "false")]
    if isinstance(value, (int, float)):
        return [before + _number(value)]
    if isinstance(value, dict):
        return [before + "{}"]
    if isinstance(value, (list, tuple)):
        return [before + "[]"]
    style, shown = _styled(str(value))
    if style == "|":
        return _literal(str(value), indent, before)
    return _folded(shown, style, indent, before)


def _number(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    return re.sub(r"\.0$", "", repr(value))


def _styled(text: str) -> tuple[str, str]:
    """Return (style, text in that style): plain ``""``, ``'``, ``"``, or ``|`` for a block."""
    plain, single = _allowed(text)
    if not resolves_to_text(text) or _BASE60.fullmatch(text) or _TIMESTAMP.fullmatch(text) or text == "":
        return '"', _double(text)
    if "\n" in text:
        return ("|", text) if _block_allowed(text) else ('"', _double(text))
    if plain and "\n" not in text:
        return "", text
    return ("'", "'" + text.replace("'", "''") + "'") if single else ('"', _double(text))


def _special(text: str) -> bool:
    """Return whether a character must be escaped."""
    return _PRINTABLE.fullmatch(text) is None


def _block_allowed(text: str) -> bool:
    """Return whether text of several lines may stand as a block: nothing to escape, no space that would be lost."""
    return not _special(text) and not text.endswith(" ") and " \n" not in text


def _allowed(text: str) -> tuple[bool, bool]:
    """Return whether the text may stand plain, and in single quotes (libyaml's analysis of a scalar)."""
    if not text:
        return False, True
    special = _special(text)
    plain = text[0] not in _INDICATOR_FIRST
    if text[0] in "-?:" and (len(text) == 1 or text[1] in " \t"):
        plain = False
    if text.startswith(("---", "...")):
        plain = False
    if ": " in text or text.endswith(":") or " #" in text or "\t" in text:
        plain = False
    if text[0] == " " or text[-1] == " ":
        plain = False
    spaced_break = re.search(r" \n", text) is not None
    return plain and not special, not special and not spaced_break


def _double(text: str) -> str:
    shown = []
    for char in text:
        if char in _ESCAPES:
            shown.append(_ESCAPES[char])
        elif _special(char):
            code = ord(char)
            shown.append(f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}")
        else:
            shown.append(char)
    return '"' + "".join(shown) + '"'


def _literal(text: str, indent: int, before: str) -> list[str]:
    hint = str(2) if text[0] in " \n" else ""
    chomp = "-" if not text.endswith("\n") else "+" if text == "\n" or text.endswith("\n\n") else ""
    body = text[:-1] if text.endswith("\n") else text
    pad = " " * indent
    return [f"{before}|{hint}{chomp}"] + [pad + line if line else "" for line in body.split("\n")]


def _folded(shown: str, style: str, indent: int, before: str) -> list[str]:
    """Break text at single spaces past the width, as libyaml's emitter does."""
    lines, line = [], before
    pad = " " * indent
    column = len(before)
    # The first and the last character of the text itself; quotes stand outside.
    first, last = (1, len(shown) - 2) if style else (0, len(shown) - 1)
    for index, char in enumerate(shown):
        inside = first < index < last and shown[index - 1] != " "
        if char == " " and column > WIDTH and inside and (style == '"' or shown[index + 1] != " "):
            lines.append(line)
            line, column = pad, indent
            if style == '"' and shown[index + 1] == " ":
                line, column = line + "\\", column + 1
        else:
            line += char
            column += 1
    return [*lines, line]
