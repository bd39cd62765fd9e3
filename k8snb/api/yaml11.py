"""YAML as the API server and kubectl read it: YAML 1.1 by go-yaml's rules, then turned into JSON.

``yes``, ``on`` and ``y`` are booleans, ``010`` is 8, ``1e3`` is a number, ``2020-01-01`` stays text, ``<<`` merges, a
key that comes twice is noted, and an alias bomb is refused. Parsing is libyaml's, of which go-yaml's parser is a port;
PyYAML's own stands in where there is none, and tells what is wrong. Besides the tree, the line of every key and item is
kept. Our own limit: nesting deeper than 200 levels is refused.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from k8snb.api.gojson import MAX_DEPTH, JsonFloat, clean_text, plain_number
from k8snb.api.gotext import quote

#: libyaml's parser, of which go-yaml's is a port; None where libyaml is missing (as in a browser).
_FAST: Final[Any] = getattr(yaml, "CLoader", None)

#: The largest request body that the API server reads.
MAX_BYTES: Final = 3 * 1024 * 1024

_TRUE: Final = ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")
_FALSE: Final = ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")
_NULL: Final = ("", "~", "null", "Null", "NULL")
_WORDS: Final[dict[str, tuple[str, Any]]] = {
    **dict.fromkeys(_TRUE, ("!!bool", True)),
    **dict.fromkeys(_FALSE, ("!!bool", False)),
    **dict.fromkeys(_NULL, ("!!null", None)),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), ("!!float", math.nan)),
    **{sign + word: ("!!float", math.inf) for sign in ("", "+") for word in (".inf", ".Inf", ".INF")},
    **{"-" + word: ("!!float", -math.inf) for word in (".inf", ".Inf", ".INF")},
    "<<": ("!!merge", "<<"),
}
_INTEGER: Final = re.compile(r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|0[oO]?([0-7]+)|0[bB]([01]+)|(0|[1-9][0-9]*))", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_POINT: Final = re.compile(r"\.[0-9]+([eE][-+]?[0-9]+)?", re.ASCII)
_STANDARD: Final = "tag:yaml.org,2002:"
_RESOLVABLE: Final = ("!!str", "!!bool", "!!int", "!!float", "!!null", "!!timestamp", "!!binary")
#: What libyaml says where PyYAML's own scanner says otherwise.
_PURE: Final = (
    (re.compile(r"found character .* that cannot start any token"), "found character that cannot start any token"),
    (re.compile(r"mapping values are not allowed here"), "mapping values are not allowed in this context"),
    (re.compile(r"sequence entries are not allowed here"), "block sequence entries are not allowed in this context"),
    (re.compile(r"mapping keys are not allowed here"), "mapping keys are not allowed in this context"),
    (re.compile(r"expected <block end>, but found.*"), "did not find expected key"),
    (re.compile(r"expected (',' or '[]}]'), but got.*"), r"did not find expected \1"),
    (re.compile(r"expected the node content, but found.*"), "did not find expected node content"),
)


class YamlError(ValueError):
    """Text that is not YAML, or cannot become JSON; the message is the server's, ``line`` where it stands (0: not
    known).
    """

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


class YamlMap(dict[str, Any]):
    """A mapping with the line of each key."""

    __slots__ = ("lines", "seen")
    lines: dict[str, int]
    seen: set[tuple[str, Any]]


class YamlList(list[Any]):
    """A sequence with the line of each item."""

    __slots__ = ("lines",)
    lines: list[int]


class Loaded:
    """What one document says: ``tree``, its first ``line``, and ``duplicates``: (line, key as Go writes it) of
    repeats.
    """

    __slots__ = ("duplicates", "line", "tree")

    def __init__(self, tree: Any, line: int, duplicates: list[tuple[int, str]]) -> None:
        self.tree = tree
        self.line = line
        self.duplicates = duplicates


def load(data: bytes | str, first_line: int = 1) -> Loaded:
    """Return what the first document of ``data`` says; raises :class:`YamlError`. Lines count from ``first_line``."""
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    if len(raw) > MAX_BYTES:
        raise YamlError(f"the document has {len(raw)} bytes; the API server reads at most {MAX_BYTES}")
    if _FAST is not None:
        try:
            return _built(_FAST, raw, first_line)
        except (yaml.YAMLError, UnicodeError):
            pass  # PyYAML's own parser says more exactly what is wrong
    try:
        return _built(yaml.Loader, raw, first_line)
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, first_line) from None
    except yaml.reader.ReaderError as error:
        reason = str(error.reason)
        known = "control characters are not allowed" if "special characters" in reason else reason
        raise YamlError(f"yaml: {known}") from None
    except (UnicodeError, RecursionError) as error:
        raise YamlError(f"yaml: {error}") from None


def _built(kind: Any, raw: bytes, first_line: int) -> Loaded:
    parser = kind(raw)
    try:
        return _Builder(parser, first_line - 1).build()
    finally:
        parser.dispose()


def split(text: str) -> Iterator[tuple[str, int]]:
    """Yield (text, number of its first line) of the documents of a file, cut at the ``---`` lines as kubectl does."""
    start = 1
    lines: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        rest = line[3:].strip() if line.startswith("---") else None
        if rest is not None and (not rest or rest.startswith("#")):
            yield "\n".join(lines), start
            start, lines = number + 1, []
        else:
            lines.append(line)
    yield "\n".join(lines), start


def _syntax(error: yaml.MarkedYAMLError, first_line: int) -> YamlError:
    """Return go-yaml's words for a syntax error: it counts a parser's lines from 0 and a scanner's from 1."""
    problem = error.problem or "unknown problem parsing YAML content"
    for pattern, words in _PURE:
        problem = pattern.sub(words, problem)
    mark = error.problem_mark.line if error.problem_mark else 0
    context = error.context_mark.line if error.context_mark else 0
    line = (mark + isinstance(error, yaml.scanner.ScannerError)) if mark else context
    where = f"line {line + first_line - 1}: " if line else ""
    return YamlError(f"yaml: {where}{problem}", (mark or context) + first_line)


class _Frame:
    """A collection under construction: ``key`` is the pending key of a mapping."""

    __slots__ = ("anchor", "count", "key", "key_line", "line", "merge", "value")

    def __init__(self, value: YamlMap | YamlList, line: int, anchor: str | None, count: int) -> None:
        self.value = value
        self.line = line
        self.anchor = anchor
        self.count = count
        self.key: tuple[str, Any] | None = None
        self.key_line = 0
        self.merge = False


class _Builder:
    """Builds a tree from the parser's events, with an explicit stack, by the rules of go-yaml's decoder."""

    def __init__(self, parser: Any, offset: int) -> None:
        self.parser = parser
        self.offset = offset
        self.stack: list[_Frame] = []
        self.anchors: dict[str, tuple[Any, str, int]] = {}
        self.open: list[str] = []
        self.duplicates: list[tuple[int, str]] = []
        self.decoded = self.aliased = 0

    def build(self) -> Loaded:
        event = self.parser.get_event()
        while not isinstance(event, (yaml.DocumentStartEvent, yaml.StreamEndEvent)):
            event = self.parser.get_event()
        if isinstance(event, yaml.StreamEndEvent):
            return Loaded(None, self.offset + 1, [])
        first = 0
        while True:
            event = self.parser.get_event()
            line = event.start_mark.line + 1 + self.offset
            first = first or line
            done, value = self._event(event, line)
            if done and not self.stack:
                self.parser.get_event()
                return Loaded(_json(value), first, self.duplicates)

    def _event(self, event: Any, line: int) -> tuple[bool, Any]:
        self.decoded += 1
        kind = type(event)
        if kind is yaml.ScalarEvent:
            tag, value = _scalar(event.value, event.tag, bool(event.implicit[0]), line)
            if event.anchor:
                self.anchors[event.anchor] = (value, tag, 1)
            return self._add(value, tag, line, 1, (tag == "!!merge"))
        if kind is yaml.AliasEvent:
            return self._alias(event.anchor, line)
        if kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            if len(self.stack) >= MAX_DEPTH:
                raise YamlError(f"yaml: exceeded max depth of {MAX_DEPTH}", line)
            made = _new_map() if kind is yaml.MappingStartEvent else _new_list()
            if event.anchor:
                self.open.append(event.anchor)
            self.stack.append(_Frame(made, line, event.anchor, self.decoded))
            return False, None
        frame = self.stack.pop()
        count = self.decoded - frame.count + 1
        tag = "!!map" if isinstance(frame.value, YamlMap) else "!!seq"
        if frame.anchor:
            self.open.remove(frame.anchor)
            self.anchors[frame.anchor] = (frame.value, tag, count)
        return self._add(frame.value, tag, frame.line, count, False)

    def _alias(self, name: str, line: int) -> tuple[bool, Any]:
        if name in self.open:
            raise YamlError(f"yaml: anchor '{name}' value contains itself", line)
        if name not in self.anchors:
            raise YamlError(f"yaml: unknown anchor '{name}' referenced", line)
        value, tag, count = self.anchors[name]
        self.decoded += count
        self.aliased += count
        # go-yaml's guard against documents that are nearly all aliases ("billion laughs").
        if self.aliased > 100 and self.decoded > 1000:
            span = min(max((self.decoded - 400_000) / 3_600_000, 0.0), 1.0)
            if self.aliased / self.decoded > 0.99 - 0.89 * span:
                raise YamlError("yaml: document contains excessive aliasing", line)
        return self._add(value, tag, line, count, False)

    def _add(self, value: Any, tag: str, line: int, count: int, merge: bool) -> tuple[bool, Any]:
        if not self.stack:
            return True, value
        frame = self.stack[-1]
        target = frame.value
        if isinstance(target, YamlList):
            target.append(value)
            target.lines.append(line)
        elif frame.key is None:
            if tag in ("!!map", "!!seq"):
                raise YamlError(f"yaml: invalid map key: {_go(value)}", line)
            frame.key, frame.key_line, frame.merge = (tag, value), line, merge
        else:
            key, frame.key = frame.key, None
            if frame.merge:
                self._merge(target, value, line)
            else:
                self._set(target, key, value, frame.key_line, line)
        return True, value

    def _set(self, target: YamlMap, key: tuple[str, Any], value: Any, key_line: int, line: int) -> None:
        if key in target.seen:
            self.duplicates.append((line, _go(key[1])))
        target.seen.add(key)
        name = _key_text(key[1], value, key_line)
        target[name] = value
        target.lines[name] = key_line

    def _merge(self, target: YamlMap, value: Any, line: int) -> None:
        sources = list(reversed(value)) if isinstance(value, YamlList) else [value]
        for source in sources:
            if not isinstance(source, YamlMap):
                raise YamlError("yaml: map merge requires map or sequence of maps as the value", line)
            for name, item in source.items():
                key = ("!!str", name)
                if key in target.seen:
                    self.duplicates.append((source.lines.get(name, line), _go(name)))
                target.seen.add(key)
                target[name] = item
                target.lines[name] = source.lines.get(name, line)


def _new_map() -> YamlMap:
    made = YamlMap()
    made.lines, made.seen = {}, set()
    return made


def _new_list() -> YamlList:
    made = YamlList()
    made.lines = []
    return made


def _scalar(text: str, tag: str | None, plain: bool, line: int) -> tuple[str, Any]:
    """Return (short tag, value) of a scalar."""
    if tag is None and not plain:
        return "!!str", text
    short = "!!" + tag.removeprefix(_STANDARD) if tag and tag.startswith(_STANDARD) else tag or ""
    if short and short not in _RESOLVABLE:
        return "!!str", text
    if short == "!!binary":
        try:
            return "!!str", base64.b64decode(text.translate({10: None, 13: None}), validate=True).decode(
                "utf-8", "replace"
            )
        except (binascii.Error, ValueError):
            raise YamlError("yaml: !!binary value contains invalid base64 data", line) from None
    if short == "!!str":
        return "!!str", text
    found, value = _resolve(text)
    if short in ("", found, "!!timestamp"):
        return found, value
    if short == "!!float" and found == "!!int":
        return "!!float", float(value)
    raise YamlError(f"yaml: cannot decode {found} `{text}` as a {short}", line)


def _resolve(text: str) -> tuple[str, Any]:
    """Return (short tag, value) of a plain scalar."""
    word = _WORDS.get(text)
    if word is not None:
        return word
    first = text[0]
    if first == "." and _POINT.fullmatch(text):
        return _number(float(text), text)
    if first in "+-0123456789":
        digits = text.replace("_", "")
        match = _INTEGER.fullmatch(digits)
        if match:
            for base, index in ((16, 2), (8, 3), (2, 4), (10, 5)):
                if match[index] is not None and len(match[index]) < 400:
                    number = int(match[1] + match[index], base)
                    # An int64, or a uint64 that was written without a sign.
                    if -(1 << 63) <= number < 1 << 63 or (not match[1] and number < 1 << 64):
                        return "!!int", number
        if _FLOAT.fullmatch(digits):
            return _number(float(digits), text)
    return "!!str", text


def resolves_to_text(text: str) -> bool:
    """Return whether plain ``text`` would be read back as text."""
    return _resolve(text)[0] == "!!str"


def _number(value: float, text: str) -> tuple[str, Any]:
    return ("!!str", text) if math.isinf(value) else ("!!float", value)


def _key_text(key: Any, value: Any, line: int) -> str:
    """Return a mapping's key as JSON text."""
    if isinstance(key, str):
        return clean_text(key)
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, int):
        return str(key)
    if isinstance(key, float):
        if math.isnan(key):
            return ".nan"
        return (".inf" if key > 0 else "-.inf") if math.isinf(key) else re.sub(r"\.0$", "", repr(key))
    raise YamlError(f"unsupported map key of type: %!s(<nil>), key: <nil>, value: {_go(value)}", line)


def _json(tree: Any) -> Any:
    """Turn the numbers of a tree into what they are after a trip through JSON; every shared part is done once."""
    if isinstance(tree, str):
        return clean_text(tree)
    todo: list[Any] = [tree] if isinstance(tree, (YamlMap, YamlList)) else []
    done: set[int] = set()
    while todo:
        value = todo.pop()
        if id(value) in done:
            continue
        done.add(id(value))
        for key, item in value.items() if isinstance(value, YamlMap) else enumerate(value):
            if isinstance(item, (YamlMap, YamlList)):
                todo.append(item)
            elif isinstance(item, str):
                value[key] = clean_text(item)
            elif isinstance(item, float) or (type(item) is int and not -(1 << 63) <= item < 1 << 63):
                value[key] = _json_number(item)
    return _json_number(tree) if isinstance(tree, (int, float)) and not isinstance(tree, bool) else tree


def _json_number(value: float) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        name = "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
        raise YamlError(f"json: unsupported value: {name}")
    whole = value if isinstance(value, int) else plain_number(value)
    if not isinstance(whole, int) or -(1 << 63) <= whole < 1 << 63:
        return whole
    big = JsonFloat(whole)
    big.text = str(whole)
    return big


def _go(value: Any) -> str:
    """Return a value as Go's ``%#v`` writes it."""
    if isinstance(value, str):
        return quote(value)
    if value is None:
        return "interface {}(nil)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "map[interface {}]interface {}{" + ", ".join(f"{quote(k)}:{_go(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[]interface {}{" + ", ".join(map(_go, value)) + "}"
    return re.sub(r"\.0$", "", repr(value))
