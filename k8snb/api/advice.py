"""What to tell a reader about a value of the wrong kind: where, what was expected, what stands there, what to write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from k8snb.api.gotext import quote
from k8snb.api.typed import Problem, path_parts, path_text

_WANTED: Final = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "list": "a list",
    "map": "a mapping of names to values",
    "quantity": "an amount such as 500m, 2 or 1Gi",
    "time": "a time such as 2026-01-01T00:00:00Z",
    "bytes": "base64",
}


def advise(problem: Problem) -> str:
    """Return a problem in words for the one who wrote the manifest."""
    if problem.sort == "strict":
        return problem.message + (f"; did you mean {problem.hint}?" if problem.hint else "")
    where, value = path_text(path_parts(problem.path)), problem.found
    expected = _WANTED.get(problem.wanted, problem.wanted)
    advice = _advice(problem.wanted, value)
    return f"{where}: expected {expected}, found {shown(value)}" + (f"; {advice}" if advice else "")


def shown(value: Any) -> str:
    """Return a value as a reader recognises it, shortened."""
    if isinstance(value, str):
        return f"the text {quote(value if len(value) <= 40 else value[:40] + '…')}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        names = ", ".join(map(str, list(value)[:3]))
        return f"a mapping ({names}{', …' if len(value) > 3 else ''})"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    return f"the number {value}"


def _advice(wanted: str, value: Any) -> str:
    """Return what to write instead, if that can be told."""
    if wanted in ("int", "float") and isinstance(value, str) and value.strip().lstrip("+-").isdigit():
        return f"write {value.strip()} without quotes"
    if wanted == "int" and isinstance(value, int) and not isinstance(value, bool):
        return "it is too large or too small for this field"
    if wanted == "bool" and isinstance(value, str):
        return "write true or false without quotes"
    if wanted == "string" and isinstance(value, bool):
        return "put it in quotes: YAML reads yes, no, on, off, true and false as truth values"
    if wanted == "string" and isinstance(value, (int, float)):
        return f'put it in quotes: "{value}"'
    if wanted == "list" and not isinstance(value, (list, tuple)):
        return 'begin each item with "- "'
    if wanted == "map" and isinstance(value, (list, tuple)):
        return 'leave out the "- "'
    if wanted == "bytes":
        return "values under data are base64; plain text belongs under stringData"
    return ""


def yaml_advice(text: str, line: int) -> str:
    """What is likely wrong with a text that is not YAML, given the line (from 1) that the parser complains of; or nothing."""
    lines = text.split("\n")
    if "{{" in text:
        return "{{ … }} stands in templates: render them first (helm template, or your template engine) and apply the result"
    if any(item.startswith("```") for item in lines):
        return "leave out the lines with ```: they belong to Markdown"
    for number in (line, line - 1):
        here = lines[number - 1] if 0 < number <= len(lines) else ""
        indent = here[: len(here) - len(here.lstrip())]
        if "\t" in indent:
            return f"line {number} is indented with a tab: YAML wants spaces"
        if any(sign in here for sign in "\u00a0\u3000"):
            return f"line {number} has a space of another sort (no-break or full-width): type plain spaces"
        if "：" in here:
            return f"line {number} has a full-width colon (：): type ':' and a space"
        value = here.partition(": ")[2].strip()
        if value[:1] in ("@", "%", "`"):
            return f"a value that begins with {value[:1]} goes in quotes"
        if value[:1] == "*":
            return "a value that begins with * goes in quotes: * refers to an anchor (&)"
        if value[:1] in ('"', "'") and value.count(value[:1]) % 2:
            return f"the quote in line {number} is not closed"
        if ": " in value and value[:1] not in ('"', "'", "{", "["):
            return "a value with ': ' in it goes in quotes"
    unclosed = [n for n, item in enumerate(lines, 1) if item.count('"') % 2]
    return f"is the quote in line {unclosed[0]} closed?" if unclosed else ""
