"""What runs here, and as whom: ps, id, whoami, and the files of /proc that tell a process's namespaces."""

from __future__ import annotations

import re
from collections.abc import Callable

from k8snb.node.processes import Running, namespaces, user_name, user_of, with_command
from k8snb.node.shell.context import Context, Outcome

_NAMESPACE = re.compile(r"/proc/(self|thread-self|\d+)/ns/(\w+)")
_NAMESPACES = re.compile(r"/proc/(self|thread-self|\d+)/ns")


def identity(context: Context, argv: list[str]) -> Outcome:
    """id [-u] [-g], whoami."""
    uid, gid, groups = user_of(context.box)
    if argv[0] == "whoami":
        if uid != 0:
            return context.fail(f"whoami: unknown uid {uid}")
        context.out("root\n")
    elif "-u" in argv:
        context.out(f"{uid}\n")
    elif "-g" in argv:
        context.out(f"{gid}\n")
    else:
        listed = ",".join(_named(g) for g in (gid, *groups))
        context.out(f"uid={_named(uid)} gid={_named(gid)} groups={listed}\n")
    return 0


def _named(number: int) -> str:
    return "0(root)" if number == 0 else str(number)


def ps(context: Context, argv: list[str]) -> Outcome:
    """ps: the processes of the PID namespace, as busybox prints them; with bash images ``ps``, ``ps -ef``, ``ps aux``."""
    image = context.box.image
    rows = with_command(context.box, context.machine, " ".join(argv))
    tag = (context.box.spec.image or "").rpartition(":")[2]
    if image is None or image.shell == "ash" or "alpine" in tag:
        context.out("PID   USER     TIME  COMMAND\n")
        context.out("".join(f"{row.pid:5d} {row.user:<8.8}  0:00 {row.command}\n" for row in rows))
        return 0
    flags = "".join(word.lstrip("-") for word in argv[1:])
    if "f" in flags:
        context.out("UID          PID    PPID  C STIME TTY          TIME CMD\n")
        context.out("".join(_full(row) for row in rows))
    elif "u" in flags:
        context.out("USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n")
        context.out(
            "".join(
                f"{r.user:<8.8} {r.pid:7d}  0.0  0.0   4480  3400 ?        S    00:00   0:00 {r.command}\n"
                for r in rows
            )
        )
    else:
        context.out("    PID TTY      STAT   TIME COMMAND\n")
        context.out("".join(f"{row.pid:7d} ?        S      0:00 {row.command}\n" for row in rows))
    return 0


def _full(row: Running) -> str:
    return f"{row.user:<8.8} {row.pid:7d} {row.parent:7d}  0 00:00 ?        00:00:00 {row.command}\n"


def namespace_of(context: Context, path: str) -> str | None:
    """What the symbolic link of a namespace leads to (``net:[4026532…]``); None for other paths.

    The number of the process is not looked at beyond its own container: a process of another one is answered as of this one
    unless they share their PID namespace.
    """
    found = _NAMESPACE.fullmatch(path)
    if found is None:
        return None
    box = context.box
    if found[1].isdigit():
        rows = with_command(box, context.machine, "")
        row = next((row for row in rows if row.pid == int(found[1])), None)
        if row is None:
            return None
        box = row.box or box
    kind = found[2].removesuffix("_for_children")
    number = namespaces(box).get(kind) if found[2] == kind or kind in ("pid", "time") else None
    return f"{kind}:[{number}]" if number is not None else None


def listed_namespaces(context: Context, path: str) -> list[str] | None:
    """The names in a process's directory of namespaces, None for other paths."""
    if not _NAMESPACES.fullmatch(path.rstrip("/")):
        return None
    return sorted([*namespaces(context.box), "pid_for_children", "time_for_children"])


def pids(context: Context) -> list[str]:
    """The directories of /proc that are named after processes."""
    return [str(row.pid) for row in with_command(context.box, context.machine, "")]


COMMANDS: dict[str, Callable[[Context, list[str]], Outcome]] = {"id": identity, "ps": ps, "whoami": identity}
"""Commands by name."""

__all__ = ["COMMANDS", "listed_namespaces", "namespace_of", "pids", "user_name"]
