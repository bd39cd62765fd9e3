"""Go templates (`-o go-template`), the part that people use with kubectl.

Fields, `range`, `if`, `with`, `else`, variables, pipes, and the functions index, len, print, printf, println, eq, ne,
lt, le, gt, ge, and, or, not, html, js, urlquery, base64decode. Missing map keys print `<no value>`. Not supported:
`define`, `template`, `block`, `break` and `continue`; using them is an error that says so.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from k8snb.api.gotext import plain
from k8snb.api.gotext import quote as go_quote


class TemplateError(Exception):
    """The template cannot be parsed or does not fit the data."""


class _Missing:
    """A map key that is not there."""

    def __bool__(self) -> bool:
        return False


MISSING = _Missing()
_ACTION = re.compile(r"\{\{(-\s)?(.*?)(\s-)?\}\}", re.DOTALL)
_WORD = re.compile(
    r"""\s*(?:
        (?P<string>"(?:\\.|[^"\\])*"|`[^`]*`)
      | (?P<char>'(?:\\.|[^'\\])+')
      | (?P<number>[-+]?[0-9]+(?:\.[0-9]+)?)
      | (?P<path>\$?[A-Za-z_][\w]*(?:\.\w+)*|\$(?:\.\w+)*|\.(?:[\w]+(?:\.\w+)*)?)
      | (?P<sign>:=|=|\||\(|\)|,)
    )""",
    re.VERBOSE,
)
_UNSUPPORTED = ("define", "template", "block", "break", "continue")

Node = tuple[Any, ...]
Scope = dict[str, Any]


def render(template: str, data: Any) -> str:
    """The text of a template for some JSON data; raises `TemplateError`."""
    nodes, rest, _ = _parse(_tokens(template), 0, nested=False)
    assert rest >= 0
    return _run(nodes, data, {"$": data})


def _tokens(template: str) -> list[tuple[str, str]]:
    out: list[tuple[str, str]] = []
    at = 0
    trim = False
    for match in _ACTION.finditer(template):
        text = template[at : match.start()]
        text = text.lstrip() if trim else text
        text = text.rstrip() if match[1] else text
        if text:
            out.append(("text", text))
        if not match[2].startswith("/*"):
            out.append(("action", match[2].strip()))
        trim = bool(match[3])
        at = match.end()
    rest = template[at:]
    if "{{" in rest:
        raise TemplateError("unclosed action")
    rest = rest.lstrip() if trim else rest
    if rest:
        out.append(("text", rest))
    return out


def _parse(tokens: list[tuple[str, str]], at: int, nested: bool) -> tuple[list[Node], int, str]:
    """Nodes up to an `end` or `else`, where that is, and the word that ended them."""
    out: list[Node] = []
    while at < len(tokens):
        kind, text = tokens[at]
        at += 1
        if kind == "text":
            out.append(("text", text))
            continue
        word, _, rest = text.partition(" ")
        if word in ("end", "else"):
            if not nested:
                raise TemplateError(f"unexpected {{{{{word}}}}}")
            return out, at, text
        if word in ("range", "if", "with"):
            body, at, ended = _parse(tokens, at, nested=True)
            otherwise: list[Node] = []
            if ended.startswith("else"):
                chained = ended[4:].strip()
                if chained:
                    tokens = [*tokens[:at], ("action", chained), *tokens[at:]]
                    inner, at, _ = _parse_one(tokens, at)
                    otherwise = inner
                else:
                    otherwise, at, _ = _parse(tokens, at, nested=True)
            out.append((word, _words(rest), body, otherwise))
        elif word in _UNSUPPORTED:
            raise TemplateError(f"{{{{{word}}}}} is not supported here")
        else:
            out.append(("print", _words(text)))
    if nested:
        raise TemplateError("unexpected EOF")
    return out, at, ""


def _parse_one(tokens: list[tuple[str, str]], at: int) -> tuple[list[Node], int, str]:
    """The `if` of an `else if`, which shares the `end` of the first."""
    word, _, rest = tokens[at][1].partition(" ")
    body, at, ended = _parse(tokens, at + 1, nested=True)
    otherwise: list[Node] = []
    if ended.startswith("else"):
        chained = ended[4:].strip()
        if chained:
            tokens = [*tokens[:at], ("action", chained), *tokens[at:]]
            otherwise, at, ended = _parse_one(tokens, at)
        else:
            otherwise, at, ended = _parse(tokens, at, nested=True)
    return [(word, _words(rest), body, otherwise)], at, ended


def _words(text: str) -> list[tuple[str, str]]:
    out: list[tuple[str, str]] = []
    at = 0
    while text[at:].strip():
        match = _WORD.match(text, at)
        if match is None:
            raise TemplateError(f"unexpected {text[at:].strip()[0]!r} in operand")
        at = match.end()
        kind = match.lastgroup or ""
        out.append((kind, match[kind]))
    return out


def _run(nodes: list[Node], dot: Any, scope: Scope) -> str:
    out = []
    for node in nodes:
        if node[0] == "text":
            out.append(node[1])
        elif node[0] == "print":
            value, assigned = _evaluate(node[1], dot, scope)
            if not assigned:
                out.append(_text(value))
        else:
            out.append(_branch(node, dot, scope))
    return "".join(out)


def _branch(node: Node, dot: Any, scope: Scope) -> str:
    kind, words, body, otherwise = node
    names: list[str] = []
    if ("sign", ":=") in words:
        at = words.index(("sign", ":="))
        names = [text for sort, text in words[:at] if sort == "path"]
        words = words[at + 1 :]
    value, _ = _evaluate(words, dot, scope)
    inner = dict(scope)
    if kind == "range":
        if isinstance(value, Mapping):
            pairs = [(key, value[key]) for key in sorted(value)]
        elif isinstance(value, list | tuple):
            pairs = list(enumerate(value))
        elif isinstance(value, int) and not isinstance(value, bool):
            pairs = [(i, i) for i in range(value)]
        elif value is None or value is MISSING:
            pairs = []
        else:
            raise TemplateError(f"range can't iterate over {_text(value)}")
        out = []
        for key, item in pairs:
            if names:
                inner[names[-1]] = item
            if len(names) > 1:
                inner[names[0]] = key
            out.append(_run(body, item, dict(inner)))
        return "".join(out) if pairs else _run(otherwise, dot, inner)
    if names:
        inner[names[-1]] = value
    if _true(value):
        return _run(body, value if kind == "with" else dot, inner)
    return _run(otherwise, dot, inner)


def _true(value: Any) -> bool:
    return bool(value) and value is not MISSING


def _text(value: Any) -> str:
    if value is MISSING or value is None:
        return "<no value>"
    return value if isinstance(value, str) else plain(value)


def _evaluate(words: list[tuple[str, str]], dot: Any, scope: Scope) -> tuple[Any, bool]:
    """The value of a pipeline, and whether it was an assignment (which prints nothing)."""
    target = ""
    if len(words) > 2 and words[1] in (("sign", ":="), ("sign", "=")) and words[0][1].startswith("$"):
        target, words = words[0][1], words[2:]
    value: Any = None
    for number, part in enumerate(_pipes(words)):
        value = _command(part, dot, scope, [value] if number else [])
    if target:
        scope[target] = value
    return value, bool(target)


def _pipes(words: list[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    out: list[list[tuple[str, str]]] = [[]]
    depth = 0
    for word in words:
        depth += (word == ("sign", "(")) - (word == ("sign", ")"))
        if word == ("sign", "|") and not depth:
            out.append([])
        else:
            out[-1].append(word)
    return out


def _command(words: list[tuple[str, str]], dot: Any, scope: Scope, piped: list[Any]) -> Any:
    if not words:
        raise TemplateError("missing value for command")
    first = words[0]
    if first[0] == "path" and not first[1].startswith((".", "$")) and first[1] not in ("true", "false", "nil"):
        function = _FUNCTIONS.get(first[1])
        if function is None:
            raise TemplateError(f"function {go_quote(first[1])} not defined")
        return function([*_operands(words[1:], dot, scope), *piped])
    values = _operands(words, dot, scope)
    if len(values) > 1 or piped:
        raise TemplateError("can't give argument to non-function")
    return values[0]


def _operands(words: list[tuple[str, str]], dot: Any, scope: Scope) -> list[Any]:
    out: list[Any] = []
    at = 0
    while at < len(words):
        kind, text = words[at]
        at += 1
        if (kind, text) == ("sign", "("):
            depth, start = 1, at
            while at < len(words) and depth:
                depth += (words[at] == ("sign", "(")) - (words[at] == ("sign", ")"))
                at += 1
            if depth:
                raise TemplateError("unclosed left paren")
            value, _ = _evaluate(words[start : at - 1], dot, scope)
            if at < len(words) and words[at][0] == "path" and words[at][1].startswith(".") and words[at][1] != ".":
                value = _walk(value, words[at][1][1:])
                at += 1
            out.append(value)
        elif kind == "string":
            out.append(text[1:-1] if text[0] == "`" else _unescape(text[1:-1]))
        elif kind == "char":
            out.append(ord(_unescape(text[1:-1])))
        elif kind == "number":
            out.append(float(text) if "." in text else int(text))
        elif kind == "path":
            out.append(_path(text, dot, scope))
        else:
            raise TemplateError(f"unexpected {text!r} in operand")
    return out


def _unescape(text: str) -> str:
    escapes = {"n": "\n", "t": "\t", "r": "\r"}
    return re.sub(r"\\(.)", lambda match: escapes.get(match[1], match[1]), text)


def _path(text: str, dot: Any, scope: Scope) -> Any:
    if text in ("true", "false"):
        return text == "true"
    if text == "nil":
        return None
    if text.startswith("$"):
        name, _, rest = text.partition(".")
        if name not in scope:
            raise TemplateError(f"undefined variable {go_quote(name)}")
        return _walk(scope[name], rest)
    if text.startswith("."):
        return _walk(dot, text[1:])
    return _FUNCTIONS[text]([]) if text in _FUNCTIONS else _undefined(text)


def _undefined(name: str) -> Any:
    raise TemplateError(f"function {go_quote(name)} not defined")


def _walk(value: Any, path: str) -> Any:
    for name in path.split(".") if path else ():
        if value is None or value is MISSING:
            return MISSING
        if not isinstance(value, Mapping):
            raise TemplateError(f"can't evaluate field {name} in type interface {{}}")
        value = value.get(name, MISSING)
    return value


def _index(args: list[Any]) -> Any:
    value = args[0]
    for key in args[1:]:
        if isinstance(value, Mapping):
            value = value.get(key, MISSING)
        elif isinstance(value, list | tuple):
            if not isinstance(key, int) or not 0 <= key < len(value):
                raise TemplateError(f"error calling index: index out of range: {key}")
            value = value[key]
        else:
            raise TemplateError(f"error calling index: can't index item of type {type(value).__name__}")
    return value


def _printf(args: list[Any]) -> str:
    values = iter(args[1:])

    def put(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        value = next(values, MISSING)
        flags, verb = match[1], match[2]
        if verb == "q":
            text = go_quote(_text(value))
        elif verb in "dxXofeg":
            return str(f"%{flags}{verb}" % value)
        else:
            text = _text(value)
        width = flags.lstrip("-").partition(".")[0]
        if width:
            text = text.ljust(int(width)) if flags.startswith("-") else text.rjust(int(width))
        return text

    return re.sub(r"%([-+0-9.]*)([%a-zA-Z])", put, str(args[0]))


def _decode(args: list[Any]) -> str:
    try:
        return base64.b64decode(str(args[0]), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise TemplateError(f"base64 decode failed: {error}") from None


def _all(args: list[Any]) -> Any:
    return next((arg for arg in args if not _true(arg)), args[-1])


def _any(args: list[Any]) -> Any:
    return next((arg for arg in args if _true(arg)), args[-1])


_FUNCTIONS: dict[str, Callable[[list[Any]], Any]] = {
    "index": _index,
    "len": lambda args: len(args[0]),
    "print": lambda args: "".join(_text(arg) for arg in args),
    "println": lambda args: " ".join(_text(arg) for arg in args) + "\n",
    "printf": _printf,
    "eq": lambda args: any(args[0] == other for other in args[1:]),
    "ne": lambda args: args[0] != args[1],
    "lt": lambda args: args[0] < args[1],
    "le": lambda args: args[0] <= args[1],
    "gt": lambda args: args[0] > args[1],
    "ge": lambda args: args[0] >= args[1],
    "and": _all,
    "or": _any,
    "not": lambda args: not _true(args[0]),
    "html": lambda args: html.escape("".join(_text(arg) for arg in args)),
    "js": lambda args: "".join(_text(arg) for arg in args),
    "urlquery": lambda args: quote("".join(_text(arg) for arg in args)),
    "base64decode": _decode,
    "exists": lambda args: args[0] is not MISSING,
}
