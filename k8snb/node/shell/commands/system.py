"""Time and the machine: sleep, date, env, uname, timeout and the like."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

from k8snb.node.constants import KERNEL_VERSION
from k8snb.node.shell.context import Context, Outcome
from k8snb.node.shell.steps import invoke
from k8snb.node.shell.thread import Wait
from k8snb.sim.clock import EPOCH

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds_of(text: str) -> float | None:
    """Seconds of 5, 0.5, 2m, 1h, infinity (as infinity), None when it is no such thing."""
    if text in ("infinity", "inf"):
        return float("inf")
    found = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)([smhd]?)", text)
    return float(found[1]) * _UNITS[found[2]] if found is not None else None


def sleep(context: Context, argv: list[str]) -> Outcome:
    """sleep N[smhd]…, sleep infinity."""
    if len(argv) < 2:
        return context.fail("sleep: missing operand")
    total = 0.0
    for word in argv[1:]:
        seconds = seconds_of(word)
        if seconds is None:
            return context.fail(f"sleep: invalid number '{word}'")
        total += seconds
    return Wait("sleep", None if total == float("inf") else context.now + total)


def date(context: Context, argv: list[str]) -> Outcome:
    """date [-u] [-Iseconds] [+FORMAT]."""
    moment = EPOCH + timedelta(seconds=context.now)
    pattern = next((w[1:] for w in argv[1:] if w.startswith("+")), None)
    if pattern is None:
        iso = next((w for w in argv[1:] if w.startswith(("-I", "--iso"))), None)
        if iso is not None:
            pattern = "%Y-%m-%dT%H:%M:%S+00:00" if iso[2:] in ("seconds", "s", "so-8601=seconds") else "%Y-%m-%d"
        elif "-R" in argv:
            pattern = "%a, %d %b %Y %H:%M:%S +0000"
        else:
            pattern = "%a %b %e %H:%M:%S UTC %Y"
    text = pattern.replace("%s", str(int(moment.timestamp()))).replace("%N", f"{moment.microsecond * 1000:09d}")
    text = (
        text.replace("%e", f"{moment.day:2d}").replace("%Z", "UTC").replace("%T", "%H:%M:%S").replace("%F", "%Y-%m-%d")
    )
    context.out(moment.strftime(text) + "\n")
    return 0


def env(context: Context, argv: list[str]) -> Outcome:
    """env [NAME=VALUE…] [COMMAND…], printenv [NAME…]."""
    thread = context.thread
    words = [w for w in argv[1:] if w not in ("-i", "-")]
    if argv[0] == "printenv" and words:
        status = 0
        for name in words:
            if name in thread.exports and name in thread.variables:
                context.out(thread.variables[name] + "\n")
            else:
                status = 1
        return status
    while words and "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        thread.variables[name] = value
        thread.exports[name] = None
    if words:
        return invoke(context, words)
    for name in thread.exports:
        if name in thread.variables:
            context.out(f"{name}={thread.variables[name]}\n")
    return 0


def uname(context: Context, argv: list[str]) -> Outcome:
    """uname [-a] [-r] [-n] [-m]."""
    flags = "".join(argv[1:])
    if "a" in flags:
        context.out(f"Linux {context.box.hostname()} {KERNEL_VERSION} #1 SMP x86_64 GNU/Linux\n")
    else:
        chosen = {"r": KERNEL_VERSION, "n": context.box.hostname(), "m": "x86_64", "s": "Linux"}
        context.out(" ".join(chosen[f] for f in flags if f in chosen) or "Linux")
        context.out("\n")
    return 0


def timeout(context: Context, argv: list[str]) -> Outcome:
    """timeout SECONDS COMMAND…: the command is ended (status 143, 124 with GNU) when it takes longer."""
    words = argv[1:]
    while words and words[0].startswith("-"):
        words = words[2:] if words[0] in ("-k", "-s", "-t") and words[0] != "-t" else words[1:]
    limit = seconds_of(words[0]) if words else None
    if limit is None or len(words) < 2:
        return context.fail("timeout: usage: timeout SECS PROG ARGS", 125)
    outcome = invoke(context, words[1:])
    if isinstance(outcome, Wait):
        end = context.now + limit
        if outcome.app is not None or outcome.until is None or outcome.until > end:
            status = 143 if context.box.image is not None and context.box.image.shell == "ash" else 124
            return Wait("sleep", end, status)
    return outcome


def nproc(context: Context, argv: list[str]) -> Outcome:
    """The node's processors."""
    context.out(f"{context.box.worker.agent.capacity.get('cpu', '1')}\n")
    return 0


def yes(context: Context, argv: list[str]) -> Outcome:
    """yes [TEXT]: a good many lines, then a pause that never ends."""
    context.out(f"{' '.join(argv[1:]) or 'y'}\n" * 100)
    return 141 if context.thread.out[0] == "buffer" else Wait("sleep", None)


def nothing(context: Context, argv: list[str]) -> Outcome:
    """Commands that change nothing in the model: sync, chown of volumes, package installation and the like."""
    return 0


def install(context: Context, argv: list[str]) -> Outcome:
    """apt-get, apk, yum, pip, npm: they take a few seconds and say little."""
    return Wait("sleep", context.now + 5.0, data=(("out", "OK: done\n"),))


def expr(context: Context, argv: list[str]) -> Outcome:
    """expr A OP B."""
    from k8snb.node.shell.arithmetic import ArithmeticError_, evaluate

    try:
        value = evaluate(" ".join(w if w != "=" else "==" for w in argv[1:]), {})
    except ArithmeticError_ as error:
        return context.fail(f"expr: {error}", 2)
    context.out(f"{value}\n")
    return int(value == 0)


def control(context: Context, argv: list[str]) -> Outcome:
    """A server's program called to control or describe it: nginx -s quit, nginx -t, redis-server --version."""
    name = argv[0].rpartition("/")[2]
    words = argv[1:]
    main = context.box.worker.box(context.box.name).process
    if words[:1] == ["-s"] and main is not None:
        if words[1:2] and words[1] in ("stop", "quit"):
            main.signal("SIGQUIT", context.box, context.now, context.world)
            return Wait("sleep", context.now + 0.2)
        return 0
    if words[:1] == ["-t"]:
        return context.fail(f"{name}: the configuration file /etc/{name}/{name}.conf syntax is ok", 0)
    version = (context.box.spec.image or "").rpartition(":")[2]
    return context.fail(f"{name} version: {name}/{version}", 0)


COMMANDS: dict[str, Callable[[Context, list[str]], Outcome]] = {
    "apk": install, "apt": install, "apt-get": install, "chgrp": nothing, "chmod": nothing, "chown": nothing, "clear": nothing,
    "date": date, "dnf": install, "env": env, "expr": expr, "free": nothing, "httpd": control,
    "install": nothing, "iptables": nothing, "microdnf": install, "modprobe": nothing, "nginx": control,
    "nice": nothing, "nohup": nothing, "npm": install, "nproc": nproc, "pip": install, "pip3": install, "printenv": env,
    "redis-server": control, "sleep": sleep, "sync": nothing, "sysctl": nothing, "time": nothing,
    "timeout": timeout, "top": nothing, "uname": uname, "uptime": nothing, "usleep": nothing,
    "yes": yes, "yum": install,
}  # fmt: skip
"""System commands by name."""
