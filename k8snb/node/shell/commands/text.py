"""Text: cat, head, tail (also of files that grow), grep, sed, sort, wc, seq, base64 and the like."""

from __future__ import annotations

import base64 as codec
import hashlib
from collections.abc import Callable

from k8snb.node.files import NoDirectory, ReadOnly
from k8snb.node.shell.commands import filters
from k8snb.node.shell.context import Context, Outcome
from k8snb.node.shell.thread import Wait

FOLLOW = 1.0
"""``tail -f`` looks every second."""


def _inputs(context: Context, names: list[str], command: str) -> tuple[str, int]:
    """The contents of files (standard input when none is named) and a status."""
    if not names:
        return context.read_all(), 0
    pieces, status = [], 0
    for name in names:
        if name in ("-", "/dev/stdin"):
            pieces.append(context.read_all())
            continue
        path = context.path(name)
        if path == "/dev/null":
            continue
        text = context.files.read(path)
        if text is None:
            why = "Is a directory" if context.files.is_directory(path) else "No such file or directory"
            prefix = f"{command}: can't open '{name}'" if command == "cat" else f"{command}: {name}"
            status = context.fail(f"{prefix}: {why}")
        else:
            pieces.append(text)
    return "".join(pieces), status


def _names(argv: list[str], with_value: str = "") -> tuple[list[str], dict[str, str]]:
    """File names and flags; flags in ``with_value`` take a value."""
    names, flags = [], {}
    words = argv[1:]
    while words:
        word = words.pop(0)
        if not word.startswith("-") or word == "-":
            names.append(word)
        elif word[1] in with_value and not word.startswith("--"):
            flags[word[1]] = word[2:] or (words.pop(0) if words else "")
        else:
            for letter in word.lstrip("-"):
                flags[letter] = ""
    return names, flags


def cat(context: Context, argv: list[str]) -> Outcome:
    """cat [NAMES]."""
    names, flags = _names(argv)
    text, status = _inputs(context, names, "cat")
    if "n" in flags:
        text = "".join(f"{n:6d}\t{line}\n" for n, line in enumerate(text.splitlines(), 1))
    context.out(text)
    return status


def head(context: Context, argv: list[str]) -> Outcome:
    """head [-n N] [-c N] [NAMES]."""
    names, flags = _names(_old_style(argv), "nc")
    text, status = _inputs(context, names, "head")
    if "c" in flags:
        context.out(text[: _count(flags["c"])])
    else:
        context.out("".join(text.splitlines(keepends=True)[: _count(flags.get("n", "10"))]))
    return status


def _old_style(argv: list[str]) -> list[str]:
    return [w if not (w[:1] == "-" and w[1:].isdigit()) else f"-n{w[1:]}" for w in argv]


def _count(text: str) -> int:
    return int(text.lstrip("+")) if text.lstrip("+-").isdigit() else 10


def tail(context: Context, argv: list[str]) -> Outcome:
    """tail [-n N] [-f] [NAMES]; with -f it goes on for ever."""
    names, flags = _names(_old_style(argv), "nc")
    follow = "f" in flags or "F" in flags
    if follow and names and context.path(names[0]) == "/dev/null":
        return Wait("sleep", None)
    if not follow and names and context.path(names[0]) == "/dev/zero":
        context.machine.leak = 500 * 1024 * 1024
        from k8snb.node.starting import watch_memory

        watch_memory(context.box, context.now)
        return Wait("sleep", None)
    wanted = flags.get("n", "10")
    status = 0
    if follow and "F" in flags:
        text = "".join(context.files.read(context.path(name)) or "" for name in names)
    else:
        text, status = _inputs(context, names, "tail")
    lines = text.splitlines(keepends=True)
    shown = (
        lines[int(wanted[1:]) - 1 :] if wanted.startswith("+") else lines[-_count(wanted) :] if _count(wanted) else []
    )
    context.out("".join(shown))
    if not follow or (status and "F" not in flags):
        return status
    paths = tuple(context.path(name) for name in names)
    sizes = tuple(len(context.files.read(path) or "") for path in paths)
    return Wait("tail", context.now + FOLLOW, data=(paths, sizes))


def tail_on(context: Context, wait: Wait) -> Wait:
    """Write what the followed files have gained."""
    paths, sizes = wait.data
    now_sizes = []
    for path, size in zip(paths, sizes, strict=True):
        text = context.files.read(path) or ""
        context.out(text[size:] if len(text) >= size else text)
        now_sizes.append(len(text))
    return Wait("tail", context.now + FOLLOW, data=(paths, tuple(now_sizes)))


def grep(context: Context, argv: list[str]) -> Outcome:
    """grep [-i] [-v] [-q] [-o] [-c] [-E] PATTERN [NAMES]."""
    words = [w for w in argv[1:] if w != "-e"]
    names = [w for w in words if not w.startswith("-")][1:]
    flags = [w for w in words if w.startswith("-")]
    if argv[0].endswith("egrep"):
        flags.append("-E")
    pattern = next((w for w in words if not w.startswith("-")), "")
    text, status = _inputs(context, names, "grep")
    hits = [f for f in (filters.grep_line([*flags, pattern], line) for line in text.splitlines()) if f is not None]
    if any("c" in f for f in flags if not f.startswith("--")):
        context.out(f"{len(hits)}\n")
    else:
        context.out("".join(f"{hit}\n" for hit in hits if hit != "\0"))
    return 2 if status else int(not hits)


def sed(context: Context, argv: list[str]) -> Outcome:
    """sed [-n] [-i] SCRIPT [NAMES]."""
    words = [w for w in argv[1:] if w != "-e"]
    names = [w for w in words if not w.startswith("-")][1:]
    flags = [w for w in words if w.startswith("-")]
    script = next((w for w in words if not w.startswith("-")), "")
    in_place = any(w.startswith("-i") for w in flags)
    text, status = _inputs(context, names, "sed")
    lines = text.splitlines()
    if script.removesuffix("p").isdigit() and "-n" in flags:
        number = int(script.removesuffix("p"))
        result = lines[number - 1 : number]
    else:
        result = [out for line in lines for out in filters.sed_line([*flags, script], line)]
    joined = "".join(f"{line}\n" for line in result)
    if in_place and names:
        context.files.write(context.path(names[0]), joined)
    else:
        context.out(joined)
    return status


def tee(context: Context, argv: list[str]) -> Outcome:
    """tee [-a] NAMES."""
    names, flags = _names(argv)
    text = context.read_all()
    context.out(text)
    status = 0
    for name in names:
        try:
            context.files.write(context.path(name), text, append="a" in flags)
        except (ReadOnly, NoDirectory):
            status = context.fail(f"tee: {name}: Read-only file system")
    return status


def wc(context: Context, argv: list[str]) -> Outcome:
    """wc [-l] [-w] [-c] [NAMES]."""
    names, flags = _names(argv)
    text, status = _inputs(context, names, "wc")
    counts = {"l": text.count("\n"), "w": len(text.split()), "c": len(text.encode())}
    shown = [str(counts[f]) for f in "lwc" if f in flags or not flags]
    context.out(" ".join([*shown, *names[:1]]) + "\n")
    return status


def sort(context: Context, argv: list[str]) -> Outcome:
    """sort [-n] [-r] [-u] [NAMES]."""
    names, flags = _names(argv, "kt")
    text, status = _inputs(context, names, "sort")
    lines = text.splitlines()
    lines.sort(key=(lambda s: (_leading(s), s)) if "n" in flags else (lambda s: (0, s)), reverse="r" in flags)
    if "u" in flags:
        lines = list(dict.fromkeys(lines))
    context.out("".join(f"{line}\n" for line in lines))
    return status


def _leading(text: str) -> int:
    digits = ""
    for char in text.lstrip():
        if not char.isdigit():
            break
        digits += char
    return int(digits or 0)


def uniq(context: Context, argv: list[str]) -> Outcome:
    """uniq [-c] [NAME]."""
    names, flags = _names(argv)
    text, status = _inputs(context, names, "uniq")
    runs: list[list[str]] = []
    for line in text.splitlines():
        if runs and runs[-1][0] == line:
            runs[-1].append(line)
        else:
            runs.append([line])
    context.out("".join(f"{len(run):7d} {run[0]}\n" if "c" in flags else f"{run[0]}\n" for run in runs))
    return status


def translate(context: Context, argv: list[str]) -> Outcome:
    """tr SET1 SET2, tr -d SET."""
    context.out(filters.translate(argv[1:], context.read_all()))
    return 0


def cut(context: Context, argv: list[str]) -> Outcome:
    """cut -d X -f N [NAMES]."""
    names, flags = _names(argv, "dfc")
    text, status = _inputs(context, names, "cut")
    words = [f"-{k}{v}" for k, v in flags.items()]
    context.out("".join(f"{filters.cut_line(words, line)}\n" for line in text.splitlines()))
    return status


def seq(context: Context, argv: list[str]) -> Outcome:
    """seq [FIRST [STEP]] LAST."""
    numbers = [int(w) for w in argv[1:] if w.lstrip("-").isdigit()]
    match numbers:
        case [last]:
            found = range(1, last + 1)
        case [first, last]:
            found = range(first, last + 1)
        case [first, step, last] if step:
            found = range(first, last + (1 if step > 0 else -1), step)
        case _:
            return context.fail("seq: missing operand")
    context.out("".join(f"{n}\n" for n in found[:100_000]))
    return 0


def base64(context: Context, argv: list[str]) -> Outcome:
    """base64 [-d] [NAME]."""
    names, flags = _names(argv, "w")
    text, status = _inputs(context, names, "base64")
    if "d" in flags:
        context.out(codec.b64decode("".join(text.split()) + "==").decode("utf-8", "replace"))
    else:
        context.out(codec.b64encode(text.encode()).decode() + "\n")
    return status


def digest(context: Context, argv: list[str]) -> Outcome:
    """md5sum, sha1sum, sha256sum [NAME]."""
    names, _ = _names(argv)
    text, status = _inputs(context, names, argv[0])
    function = {"md5sum": hashlib.md5, "sha1sum": hashlib.sha1}.get(argv[0], hashlib.sha256)
    context.out(f"{function(text.encode()).hexdigest()}  {names[0] if names else '-'}\n")
    return status


def reverse(context: Context, argv: list[str]) -> Outcome:
    """tac, rev [NAME]."""
    names, _ = _names(argv)
    text, status = _inputs(context, names, argv[0])
    lines = text.splitlines()
    chosen = reversed(lines) if argv[0] == "tac" else (line[::-1] for line in lines)
    context.out("".join(f"{line}\n" for line in chosen))
    return status


def awk(context: Context, argv: list[str]) -> Outcome:
    """awk [-F X] '{print $N…}' [NAME]: only printing of fields."""
    import re

    names, flags = _names(argv, "Fv")
    if not names:
        return context.fail("awk: missing program", 2)
    found = re.fullmatch(r"\s*(?:/((?:[^/\\]|\\.)*)/)?\s*\{\s*print\s*(.*?)\s*;?\s*\}\s*", names[0])
    if found is None:
        return context.fail(f"awk: this model only understands {{print $N}}, not {names[0]!r}", 2)
    text, status = _inputs(context, names[1:], "awk")
    for line in text.splitlines():
        if found[1] and re.search(found[1], line) is None:
            continue
        fields = line.split(flags["F"]) if flags.get("F") else line.split()
        pieces = []
        for part in re.split(r"\s*,\s*", found[2] or "$0"):
            texts = re.findall(r'"((?:[^"\\]|\\.)*)"|\$(NF|\d+)|(NR)', part)
            pieces.append("".join(_awk_value(t, fields, line) for t in texts))
        context.out(" ".join(pieces) + "\n")
    return status


def _awk_value(found: tuple[str, str, str], fields: list[str], line: str) -> str:
    literal, field, _ = found
    if field == "NF":
        return fields[-1] if fields else ""
    if field:
        number = int(field)
        return line if number == 0 else fields[number - 1] if number <= len(fields) else ""
    return literal


COMMANDS: dict[str, Callable[[Context, list[str]], Outcome]] = {
    "awk": awk, "base64": base64, "cat": cat, "cut": cut, "egrep": grep, "grep": grep, "head": head, "less": cat, "md5sum": digest,
    "more": cat, "rev": reverse, "sed": sed, "seq": seq, "sha1sum": digest, "sha256sum": digest, "sort": sort, "tac": reverse,
    "tail": tail, "tee": tee, "tr": translate, "uniq": uniq, "wc": wc,
}  # fmt: skip
"""Text commands by name."""
