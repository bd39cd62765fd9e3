"""Files and directories: ls, touch, rm, mkdir, cp, mv, find, stat, df, dd and the like."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase

from k8snb.node.files import NoDirectory, ReadOnly
from k8snb.node.shell.context import Context, Outcome


def _split(argv: list[str]) -> tuple[str, list[str]]:
    """Flags (their letters) and names."""
    flags = "".join(w.lstrip("-") for w in argv[1:] if w.startswith("-") and len(w) > 1)
    return flags, [w for w in argv[1:] if not w.startswith("-") or w == "-"]


def _write(context: Context, name: str, path: str, text: str) -> int:
    try:
        context.files.write(path, text)
    except ReadOnly:
        return context.fail(f"{name}: {path}: Read-only file system")
    except NoDirectory:
        return context.fail(f"{name}: {path}: No such file or directory")
    return 0


def ls(context: Context, argv: list[str]) -> Outcome:
    """ls [-l] [-a] [-1] [NAMES]."""
    flags, names = _split(argv)
    files, status = context.files, 0
    names = names or ["."]
    for name in names:
        path = context.path(name)
        if files.is_directory(path) and "d" not in flags:
            entries = [e for e in files.list(path) if "a" in flags or not e.startswith(".")]
            if len(names) > 1:
                context.out(f"{name}:\n")
            if "l" in flags:
                context.out(f"total {len(entries)}\n")
            context.out("".join(_entry(context, f"{path.rstrip('/')}/{e}", e, flags) for e in entries))
        elif files.exists(path):
            context.out(_entry(context, path, name, flags))
        else:
            status = context.fail(f"ls: {name}: No such file or directory")
    return status


def _entry(context: Context, path: str, name: str, flags: str) -> str:
    if "l" not in flags:
        return f"{name}\n"
    text = context.files.read(path)
    kind, size = ("-rw-r--r--", len(text)) if text is not None else ("drwxr-xr-x", 4096)
    return f"{kind}    1 root     root     {size:9d} Jan  1 00:00 {name}\n"


def touch(context: Context, argv: list[str]) -> Outcome:
    """touch NAMES."""
    status = 0
    for name in _split(argv)[1]:
        path = context.path(name)
        if not context.files.exists(path):
            status = _write(context, "touch", path, "") or status
    return status


def rm(context: Context, argv: list[str]) -> Outcome:
    """rm [-r] [-f] NAMES."""
    flags, names = _split(argv)
    status = 0
    for name in names:
        path = context.path(name)
        if not context.files.exists(path):
            if "f" not in flags:
                status = context.fail(f"rm: can't remove '{name}': No such file or directory")
        elif context.files.read(path) is None and not set(flags) & {"r", "R"}:
            status = context.fail(f"rm: '{name}' is a directory")
        else:
            try:
                context.files.remove(path)
            except ReadOnly:
                status = context.fail(f"rm: can't remove '{name}': Read-only file system")
    return status


def mkdir(context: Context, argv: list[str]) -> Outcome:
    """mkdir [-p] NAMES."""
    flags, names = _split(argv)
    status = 0
    for name in names:
        try:
            if not context.files.mkdir(context.path(name), parents="p" in flags):
                why = "File exists" if context.files.exists(context.path(name)) else "No such file or directory"
                status = context.fail(f"mkdir: can't create directory '{name}': {why}")
        except ReadOnly:
            status = context.fail(f"mkdir: can't create directory '{name}': Read-only file system")
    return status


def copy(context: Context, argv: list[str]) -> Outcome:
    """cp [-r] FROM… TO, mv FROM… TO."""
    command = argv[0].rpartition("/")[2]
    names = _split(argv)[1]
    if len(names) < 2:
        return context.fail(f"{command}: missing file operand")
    *sources, target = names
    files = context.files
    to = context.path(target)
    status = 0
    for name in sources:
        path = context.path(name)
        place = (
            f"{to.rstrip('/')}/{path.rpartition('/')[2]}" if files.is_directory(to) and not name.endswith("/.") else to
        )
        text = files.read(path)
        if text is not None:
            status = _write(context, command, place, text) or status
        elif f"{place}/".startswith(f"{path.rstrip('/')}/"):
            status = context.fail(f"{command}: recursion detected, omitting directory '{name}'")
            continue
        elif files.is_directory(path):
            status = _copy_tree(context, command, path, place) or status
        else:
            status = context.fail(f"{command}: can't stat '{name}': No such file or directory")
            continue
        if command == "mv":
            files.remove(path)
    return status


def _copy_tree(context: Context, command: str, path: str, place: str) -> int:
    files, status = context.files, 0
    files.mkdir(place, parents=True)
    for name in files.list(path):
        text = files.read(f"{path}/{name}")
        if text is not None:
            status = _write(context, command, f"{place}/{name}", text) or status
        else:
            status = _copy_tree(context, command, f"{path}/{name}", f"{place}/{name}") or status
    return status


def link(context: Context, argv: list[str]) -> Outcome:
    """ln [-s] FROM TO: a copy, since nothing here tells them apart."""
    return copy(context, ["cp", *_split(argv)[1]])


def find(context: Context, argv: list[str]) -> Outcome:
    """find [DIRECTORY] [-name PATTERN] [-type f|d]."""
    words = argv[1:]
    roots = []
    while words and not words[0].startswith("-"):
        roots.append(words.pop(0))
    options = {words[i]: words[i + 1] for i in range(len(words) - 1) if words[i].startswith("-")}

    def walk(path: str) -> None:
        directory = context.files.read(path) is None
        if (
            fnmatchcase(path.rpartition("/")[2], options.get("-name", "*"))
            and options.get("-type", "df"[not directory]) == "fd"[directory]
        ):
            context.out(path + "\n")
        if directory:
            for name in context.files.list(path):
                walk(f"{path.rstrip('/')}/{name}")

    for root in roots or ["."]:
        walk(context.path(root))
    return 0


def stat(context: Context, argv: list[str]) -> Outcome:
    """stat NAMES: only whether they exist."""
    status = 0
    for name in _split(argv)[1]:
        if context.files.exists(context.path(name)):
            context.out(f"  File: {name}\n")
        else:
            status = context.fail(f"stat: can't stat '{name}': No such file or directory")
    return status


def usage(context: Context, argv: list[str]) -> Outcome:
    """df, du: a table with one line."""
    if argv[0] == "du":
        context.out("4\t.\n")
    else:
        context.out("Filesystem           1K-blocks      Used Available Use% Mounted on\n")
        context.out("overlay              104857600   5242880  99614720   5% /\n")
        for mount in context.files.mounts:
            context.out(f"/dev/vda1            104857600   5242880  99614720   5% {mount.path}\n")
    return 0


def dd(context: Context, argv: list[str]) -> Outcome:
    """dd if=… of=… bs=… count=…: an empty file of that name is made."""
    options = dict(w.partition("=")[::2] for w in argv[1:])
    target = options.get("of")
    if target is None:
        return 0
    status = _write(context, "dd", context.path(target), "")
    count = options.get("count", "0")
    context.err(f"{count}+0 records in\n{count}+0 records out\n")
    return status


def basename(context: Context, argv: list[str]) -> Outcome:
    """basename NAME, dirname NAME."""
    name = argv[1] if len(argv) > 1 else ""
    head, _, tail = name.rstrip("/").rpartition("/")
    context.out((tail if argv[0] == "basename" else head or ("/" if name.startswith("/") else ".")) + "\n")
    return 0


def realpath(context: Context, argv: list[str]) -> Outcome:
    """realpath NAME, readlink -f NAME."""
    context.out(context.path(argv[-1]) + "\n")
    return 0


def mktemp(context: Context, argv: list[str]) -> Outcome:
    """mktemp: a new name in /tmp."""
    number = sum(name.startswith("tmp.") for name in context.files.list("/tmp"))
    path = f"/tmp/tmp.{number:06d}"
    if "-d" in argv:
        context.files.mkdir(path)
    else:
        context.files.write(path, "")
    context.out(path + "\n")
    return 0


COMMANDS: dict[str, Callable[[Context, list[str]], Outcome]] = {
    "basename": basename, "cp": copy, "dd": dd, "df": usage, "dirname": basename, "du": usage, "fallocate": touch, "find": find,
    "ln": link, "mkdir": mkdir, "mkfifo": touch, "mktemp": mktemp, "mv": copy,
    "realpath": realpath, "rm": rm, "rmdir": rm, "stat": stat, "touch": touch, "truncate": touch,
}  # fmt: skip
"""File commands by name."""
