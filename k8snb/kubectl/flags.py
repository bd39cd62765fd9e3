"""Flags as kubectl reads them (pflag): long and short, with `=` or not, before or after arguments, until `--`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from k8snb.api.gotext import quote
from k8snb.kubectl.errors import KubectlError

Kind = Literal["text", "switch", "number", "list", "array", "duration"]


class Flag(NamedTuple):
    """A flag: `kind` list is split at commas, array is not; `bare` is the value when none is given (`--dry-run`)."""

    name: str
    kind: Kind = "text"
    short: str = ""
    default: Any = None
    bare: str | None = None


class Parsed(NamedTuple):
    """What a command line says: values by flag name, which were given, arguments, and arguments behind `--`."""

    flags: dict[str, Any]
    given: dict[str, None]
    args: list[str]
    behind: list[str] | None


GLOBAL: tuple[Flag, ...] = (
    Flag("namespace", short="n"),
    Flag("as"),
    Flag("as-group", "array"),
    Flag("as-uid"),
    Flag("token"),
    Flag("user"),
    Flag("username"),
    Flag("password"),
    Flag("context"),
    Flag("cluster"),
    Flag("kubeconfig"),
    Flag("server", short="s"),
    Flag("request-timeout", "duration", default=0.0),
    Flag("cache-dir"),
    Flag("certificate-authority"),
    Flag("client-certificate"),
    Flag("client-key"),
    Flag("insecure-skip-tls-verify", "switch", default=False),
    Flag("tls-server-name"),
    Flag("match-server-version", "switch", default=False),
    Flag("disable-compression", "switch", default=False),
    Flag("warnings-as-errors", "switch", default=False),
    Flag("v", "number", short="v", default=0),
    Flag("help", "switch", short="h", default=False),
)
"""Flags of every command; those about how to reach a server have no effect here."""

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|us|µs|ns|h|m|s)")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def duration(text: str) -> float | None:
    """Seconds of a Go duration (`90s`, `1h30m`, `0`), None when it is none."""
    sign = -1.0 if text.startswith("-") else 1.0
    rest = text.lstrip("+-")
    if rest == "0":
        return 0.0
    found = _DURATION.findall(rest)
    if not found or "".join(number + unit for number, unit in found) != rest:
        return None
    return sign * sum(float(number) * _UNITS[unit] for number, unit in found)


def parse(command: str, flags: Sequence[Flag], words: Sequence[str]) -> Parsed:
    """The command line of a command that knows `flags` (and the global ones); raises `KubectlError`."""
    known = (*flags, *(flag for flag in GLOBAL if all(flag.name != own.name for own in flags)))
    by_name = {flag.name: flag for flag in known}
    taken = {flag.short for flag in flags if flag.short}
    by_short = {flag.short: flag for flag in known if flag.short and (flag in flags or flag.short not in taken)}
    values: dict[str, Any] = {}
    for flag in known:
        values[flag.name] = list(flag.default or ()) if flag.kind in ("list", "array") else flag.default
    out = Parsed(values, {}, [], None)
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word == "--":
            return out._replace(behind=list(words[at:]))
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if name not in by_name:
                raise KubectlError(f"unknown flag: --{name}\nSee 'kubectl {command} --help' for usage.")
            at = _take(command, by_name[name], f"--{name}", value if equals else None, words, at, out)
        elif word.startswith("-") and len(word) > 1:
            at = _shorts(command, word, by_short, words, at, out)
        else:
            out.args.append(word)
    return out


def _shorts(command: str, word: str, by_short: dict[str, Flag], words: Sequence[str], at: int, out: Parsed) -> int:
    """A group of one-letter flags, the last of which may have a value."""
    rest = word[1:]
    while rest:
        letter, rest = rest[0], rest[1:]
        flag = by_short.get(letter)
        if flag is None:
            raise KubectlError(
                f"unknown shorthand flag: {_rune(letter)} in {word}\nSee 'kubectl {command} --help' for usage."
            )
        if rest.startswith("="):
            return _take(command, flag, f"-{letter}", rest[1:], words, at, out)
        if flag.kind == "switch" or flag.bare is not None:
            _set(command, flag, f"-{letter}", flag.bare if flag.bare is not None else "true", out)
            continue
        if rest:
            return _take(command, flag, f"-{letter}", rest, words, at, out)
        return _take(command, flag, f"-{letter}", None, words, at, out)
    return at


def _rune(letter: str) -> str:
    return f"'{letter}'"


def _take(command: str, flag: Flag, shown: str, value: str | None, words: Sequence[str], at: int, out: Parsed) -> int:
    if value is None:
        if flag.kind == "switch" or flag.bare is not None:
            value = flag.bare if flag.bare is not None else "true"
        elif at < len(words):
            value = words[at]
            at += 1
        else:
            what = shown if shown.startswith("--") else f"{_rune(shown[1])} in {shown}"
            raise KubectlError(f"flag needs an argument: {what}\nSee 'kubectl {command} --help' for usage.")
    _set(command, flag, shown, value, out)
    return at


def _set(command: str, flag: Flag, shown: str, value: str, out: Parsed) -> None:
    label = f"-{flag.short}, --{flag.name}" if flag.short else f"--{flag.name}"

    def bad(why: str) -> KubectlError:
        return KubectlError(
            f"invalid argument {quote(value)} for {quote(label)} flag: {why}\nSee 'kubectl {command} --help' for usage."
        )

    found: Any = value
    if flag.kind == "switch":
        lowered = value.lower()
        if lowered not in ("true", "false", "1", "0", "t", "f"):
            raise bad(f"strconv.ParseBool: parsing {quote(value)}: invalid syntax")
        found = lowered in ("true", "1", "t")
    elif flag.kind == "number":
        if not re.fullmatch(r"[+-]?[0-9]+", value):
            raise bad(f"strconv.ParseInt: parsing {quote(value)}: invalid syntax")
        found = int(value)
    elif flag.kind == "duration":
        found = duration(value)
        if found is None:
            if value.isdecimal() and flag.name in ("request-timeout",):
                found = float(value)
            elif value.isdecimal():
                raise bad(f"time: missing unit in duration {quote(value)}")
            else:
                raise bad(f"time: invalid duration {quote(value)}")
    if flag.kind in ("list", "array"):
        if flag.name not in out.given:
            out.flags[flag.name] = []
        out.flags[flag.name].extend(value.split(",") if flag.kind == "list" else [value])
    else:
        out.flags[flag.name] = found
    out.given[flag.name] = None
