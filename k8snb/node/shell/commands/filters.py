"""Filters that pass lines on as they come: tee, cat, grep, sed, tr, cut at the end of a pipeline."""

from __future__ import annotations

import re

from k8snb.node.files import NoDirectory, ReadOnly
from k8snb.node.shell.context import Context, put


def feed(context: Context, number: int, text: str) -> None:
    """Send text through the filters of a pipeline; whole lines come out at its end."""
    entry = context.thread.filters[number]
    *stages, target, partial = entry
    lines = (partial[1] + text).split("\n")
    partial[1] = lines.pop()
    for line in lines:
        _pass(context, stages, target, line)


def close(context: Context, number: int) -> int:
    """The producer has ended: pass on what is left; the status is that of the last filter."""
    *stages, target, partial = context.thread.filters[number]
    if partial[1]:
        _pass(context, stages, target, partial[1])
        partial[1] = ""
    last = stages[-1]
    if last[0].endswith("grep") and "\0hit" not in last:
        return 1
    return 0


def _pass(context: Context, stages: list[list[str]], target: list[str], line: str) -> None:
    lines = [line]
    for argv in stages:
        lines = [out for each in lines for out in _apply(context, argv, each)]
    if lines:
        put(context, tuple(target[1:]), "".join(f"{each}\n" for each in lines))


def _apply(context: Context, argv: list[str], line: str) -> list[str]:
    name = argv[0].rpartition("/")[2]
    words = [w for w in argv[1:] if w != "\0hit"]
    if name == "tee":
        for word in words:
            if word.startswith("-"):
                continue
            try:
                context.files.write(context.path(word), line + "\n", append=True)
            except (ReadOnly, NoDirectory):
                context.err(f"tee: {word}: Read-only file system\n")
        return [line]
    if name in ("grep", "egrep"):
        found = grep_line(words, line)
        if found is None:
            return []
        if "\0hit" not in argv:
            argv.append("\0hit")
        return [found] if found != "\0" else []
    if name == "sed":
        return sed_line(words, line)
    if name == "tr":
        return translate(words, line + "\n").removesuffix("\n").split("\n")
    if name == "cut":
        return [cut_line(words, line)]
    return [line]


def grep_line(words: list[str], line: str) -> str | None:
    """The line, or the part of it with -o, when it matches; ``\\0`` with -q; None when it does not match."""
    flags = "".join(w[1:] for w in words if w.startswith("-") and w not in ("-e",) and not w.startswith("--"))
    names = [w for w in words if not w.startswith("-")]
    if not names:
        return None
    pattern = names[0]
    if "F" in flags:
        pattern = re.escape(pattern)
    elif "E" not in flags and "P" not in flags:
        pattern = basic(pattern)
    if "w" in flags:
        pattern = rf"\b(?:{pattern})\b"
    if "x" in flags:
        pattern = rf"^(?:{pattern})$"
    try:
        found = re.search(pattern, line, re.IGNORECASE if "i" in flags else 0)
    except re.error:
        found = None
    if (found is None) != ("v" in flags):
        return None
    if "q" in flags:
        return "\0"
    return found[0] if "o" in flags and found is not None else line


def basic(pattern: str) -> str:
    """A basic regular expression as an extended one."""
    swap = {"\\|": "|", "\\(": "(", "\\)": ")", "\\+": "+", "\\?": "?", "\\{": "{", "\\}": "}", "+": "\\+", "?": "\\?",
            "(": "\\(", ")": "\\)", "{": "\\{", "}": "\\}", "|": "\\|"}  # fmt: skip
    return re.sub(r"\\.|[+?(){}|]", lambda m: swap.get(m[0], m[0]), pattern)


def sed_line(words: list[str], line: str) -> list[str]:
    """sed with s///, /re/d, /re/p and Nd on one line."""
    quiet = "-n" in words
    extended = any(w in ("-E", "-r") for w in words)
    scripts = [w for w in words if not w.startswith("-")][:1]
    out: list[str] = []
    for script in scripts[0].split(";") if scripts else ():
        script = script.strip()
        address = re.match(r"/((?:\\.|[^/])*)/", script)
        selected = True
        if address is not None:
            selected = re.search(address[1] if extended else basic(address[1]), line) is not None
            script = script[address.end() :]
        if not selected:
            continue
        if script == "d":
            return out
        if script == "p":
            out.append(line)
        if script[:1] == "s" and len(script) > 3:
            mark = script[1]
            parts = re.split(rf"(?<!\\){re.escape(mark)}", script[2:])
            if len(parts) >= 3:
                pattern = parts[0] if extended else basic(parts[0])
                flags = re.IGNORECASE if "i" in parts[2] or "I" in parts[2] else 0
                new = re.sub(r"(?<!\\)&", r"\\g<0>", parts[1].replace(f"\\{mark}", mark))
                changed = re.sub(
                    pattern.replace(f"\\{mark}", mark), new, line, count=0 if "g" in parts[2] else 1, flags=flags
                )
                if "p" in parts[2] and changed != line:
                    out.append(changed)
                line = changed
    return out if quiet else [*out, line]


def translate(words: list[str], text: str) -> str:
    """tr SET1 SET2, tr -d SET, tr -s SET."""
    flags = "".join(w[1:] for w in words if w.startswith("-") and len(w) > 1)
    sets = [_set(w) for w in words if not w.startswith("-") or len(w) == 1]
    if "d" in flags and sets:
        return "".join(c for c in text if (c in sets[0]) == ("c" in flags))
    if "s" in flags and len(sets) == 1:
        return re.sub(f"([{re.escape(sets[0])}])\\1+", r"\1", text) if sets[0] else text
    if len(sets) < 2 or not sets[1]:
        return text
    second = sets[1] + sets[1][-1] * max(0, len(sets[0]) - len(sets[1]))
    return text.translate(str.maketrans(sets[0], second[: len(sets[0])]))


def _set(text: str) -> str:
    classes = {"[:upper:]": "A-Z", "[:lower:]": "a-z", "[:digit:]": "0-9", "[:alpha:]": "a-zA-Z", "[:alnum:]": "a-zA-Z0-9",
               "[:space:]": " \t\n\r", "\\n": "\n", "\\t": "\t", "\\r": "\r"}  # fmt: skip
    for name, chars in classes.items():
        text = text.replace(name, chars)
    return re.sub(r"(.)-(.)", lambda m: "".join(chr(c) for c in range(ord(m[1]), ord(m[2]) + 1)), text)


def cut_line(words: list[str], line: str) -> str:
    """cut -d X -f N,M or -c N-M."""
    options: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word[:2] in ("-d", "-f", "-c"):
            options[word[1]] = word[2:] or (rest.pop(0) if rest else "")
    mark = options.get("d", "\t")
    pieces = list(line) if "c" in options else line.split(mark)
    if "f" in options and len(pieces) == 1:
        return line
    chosen = []
    for part in options.get("c", options.get("f", "1")).split(","):
        first, dash, last = part.partition("-")
        begin = int(first or 1)
        end = int(last) if last else (len(pieces) if dash else begin)
        chosen.extend(pieces[begin - 1 : end])
    return ("" if "c" in options else mark).join(chosen)
