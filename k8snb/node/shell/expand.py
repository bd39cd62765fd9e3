"""Expansion of words: parameters, substitutions, arithmetic, splitting into fields, file name patterns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from k8snb.node.shell.arithmetic import ArithmeticError_, evaluate
from k8snb.node.shell.tree import Arithmetic, Literal, Parameter, Part, Substitution, Word

if TYPE_CHECKING:
    from k8snb.node.files import Files
    from k8snb.node.shell.thread import Thread

BREAK = "\0"
"""Stands between fields inside an expansion while it is under way (``"$@"``)."""


class ExpansionError(Exception):
    """``${VAR:?message}`` and the like: the script ends with this message."""


class Fields:
    """Collects the fields of one word."""

    def __init__(self) -> None:
        self.done: list[tuple[str, bool, bool]] = []
        self.text: list[str] = []
        self.begun = False
        self.pattern = False

    def add(self, text: str, quoted: bool) -> None:
        """Add text that is not split."""
        self.text.append(_escape(text) if quoted else text)
        self.begun = self.begun or quoted or bool(text)
        self.pattern = self.pattern or (not quoted and any(c in text for c in "*?["))

    def split(self, text: str, separators: str | None) -> None:
        """Add the value of an unquoted expansion: white space (or what IFS holds) ends fields."""
        if not text:
            return
        if separators is not None and separators.strip():
            pieces = re.split(f"[{re.escape(separators)}]", text)
            for index, piece in enumerate(pieces):
                if index:
                    self.end()
                self.add(piece, False)
            return
        if separators == "":
            self.add(text, False)
            return
        pieces = text.split()
        if text[0].isspace():
            self.end()
        for index, piece in enumerate(pieces):
            if index:
                self.end()
            self.add(piece, False)
        if text[-1].isspace() and pieces:
            self.end()

    def end(self) -> None:
        """End the field that is under way."""
        if self.begun:
            self.done.append(("".join(self.text), self.pattern, True))
        self.text, self.begun, self.pattern = [], False, False


def _escape(text: str) -> str:
    return re.sub(r"([*?\[\]])", "\x01\\1", text) if any(c in text for c in "*?[]") else text


def _unescape(text: str) -> str:
    return text.replace("\x01", "")


class Expander:
    """Expands words for a thread; ``captured`` are the outputs of the substitutions, in order."""

    def __init__(self, thread: Thread, captured: list[str], files: Files | None) -> None:
        self.thread = thread
        self.captured = iter(captured)
        self.files = files

    def words(self, words: tuple[Word, ...]) -> list[str]:
        """The fields of several words."""
        result: list[str] = []
        for word in words:
            if (
                len(word) == 1
                and isinstance(word[0], Literal)
                and (word[0].quoted or not any(c in word[0].text for c in "*?[~"))
            ):
                result.append(word[0].text)
                continue
            fields = Fields()
            for index, part in enumerate(word):
                self._part(part, fields, first=index == 0)
            fields.end()
            for text, pattern, _ in fields.done:
                result.extend(self._glob(text) if pattern else [_unescape(text)])
        return result

    def single(self, word: Word) -> str:
        """A word without splitting and patterns, as in assignments."""
        return "".join(self._value(part, index == 0) for index, part in enumerate(word)).replace(BREAK, " ")

    def pattern(self, word: Word) -> str:
        """A word as a pattern: what was quoted stands for itself."""
        pieces = []
        for part in word:
            text = self._value(part, False)
            pieces.append(re.sub(r"([*?\[])", r"[\1]", text) if part.quoted else text)
        return "".join(pieces)

    def _part(self, part: Part, fields: Fields, first: bool) -> None:
        if isinstance(part, Literal):
            text = part.text
            if first and not part.quoted and (text == "~" or text.startswith("~/")):
                text = self.thread.variables.get("HOME", "/root") + text[1:]
            fields.add(text, part.quoted)
            return
        if isinstance(part, Parameter) and part.name == "@" and part.quoted and not part.op:
            for index, value in enumerate(self.thread.arguments):
                if index:
                    fields.end()
                fields.add(value, True)
            return
        value = self._value(part, first)
        if part.quoted:
            fields.add(value, True)
        else:
            fields.split(value.replace(BREAK, " "), self.thread.variables.get("IFS"))

    def _value(self, part: Part, first: bool) -> str:
        if isinstance(part, Literal):
            if first and not part.quoted and (part.text == "~" or part.text.startswith("~/")):
                return self.thread.variables.get("HOME", "/root") + part.text[1:]
            return part.text
        if isinstance(part, Substitution):
            return next(self.captured, "")
        if isinstance(part, Arithmetic):
            text = self.single(part.expression)
            text = re.sub(r"\$(\w+)", lambda m: self.thread.variables.get(m[1], "0"), text)
            try:
                return str(evaluate(text, self.thread.variables))
            except (ArithmeticError_, RecursionError) as error:
                raise ExpansionError(f"{error}") from None
        return self._parameter(part)

    def _parameter(self, part: Parameter) -> str:
        value = self.thread.parameter(part.name)
        op = part.op
        if not op:
            if value is None and self.thread.options.get("u") and part.name not in "@*":
                raise ExpansionError(f"{part.name}: parameter not set")
            return value or ""
        if op == "length":
            return str(len(value or ""))
        word = part.argument or ()
        if (op.startswith(":") and len(op) == 2) or op in "-=?+":
            absent = value is None or (op.startswith(":") and not value)
            match op[-1]:
                case "-":
                    return self.single(word) if absent else value or ""
                case "=":
                    if absent:
                        self.thread.variables[part.name] = self.single(word)
                    return self.thread.variables.get(part.name, "")
                case "?":
                    if absent:
                        raise ExpansionError(f"{part.name}: {self.single(word) or 'parameter not set'}")
                    return value or ""
                case _:
                    return "" if absent else self.single(word)
        text = value or ""
        if op in ("#", "##"):
            return _trim_front(text, self.pattern(word), longest=op == "##")
        if op in ("%", "%%"):
            return _trim_back(text, self.pattern(word), longest=op == "%%")
        if op in ("/", "//"):
            return self._replace(text, self.single(word), everywhere=op == "//")
        numbers = self.single(word).split(":")
        try:
            offset = evaluate(numbers[0], self.thread.variables)
            length = evaluate(numbers[1], self.thread.variables) if len(numbers) > 1 else None
        except ArithmeticError_ as error:
            raise ExpansionError(str(error)) from None
        tail = text[offset:] if offset >= 0 or -offset <= len(text) else ""
        return tail if length is None else tail[:length]

    def _replace(self, text: str, spec: str, everywhere: bool) -> str:
        old, _, new = spec.partition("/")
        if not old:
            return text
        return text.replace(old, new) if everywhere else text.replace(old, new, 1)

    def _glob(self, text: str) -> list[str]:
        """The paths that match a pattern, or the pattern itself when none does."""
        if self.files is None:
            return [_unescape(text)]
        pattern = re.sub("\x01(.)", r"[\1]", text)
        absolute = pattern if pattern.startswith("/") else f"{self.thread.directory.rstrip('/')}/{pattern}"
        found = sorted(_matches(self.files, absolute))
        if not found:
            return [_unescape(text)]
        if not pattern.startswith("/"):
            cut = len(self.thread.directory.rstrip("/")) + 1
            found = [path[cut:] for path in found]
        return found


def _matches(files: Files, pattern: str) -> Iterator[str]:
    paths = [""]
    for step in pattern.split("/")[1:]:
        following = []
        for path in paths:
            for name in files.list(path or "/"):
                if fnmatchcase(name, step) and (step.startswith(".") or not name.startswith(".")):
                    following.append(f"{path}/{name}")
        paths = following
    yield from paths


def _trim_front(text: str, pattern: str, longest: bool) -> str:
    ends = range(len(text), -1, -1) if longest else range(len(text) + 1)
    for end in ends:
        if fnmatchcase(text[:end], pattern):
            return text[end:]
    return text


def _trim_back(text: str, pattern: str, longest: bool) -> str:
    starts = range(len(text) + 1) if longest else range(len(text), -1, -1)
    for start in starts:
        if fnmatchcase(text[start:], pattern):
            return text[:start]
    return text
