"""kubectl inside the notebook: ``run(cluster, "get pods -o wide")`` answers with the text of the real one.

No server and no thread: commands send requests through the cluster's own API server, and where the real kubectl waits,
simulated time passes. ``%kubectl`` and tests call ``run``; the commands are listed in ``registry``.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from difflib import get_close_matches
from typing import NamedTuple

from k8snb.api.errors import APIError
from k8snb.api.request import UserInfo
from k8snb.api.scheme import UnknownKind
from k8snb.apiserver.authentication import assumed, authenticate
from k8snb.kubectl.call import Call, Command, Group
from k8snb.kubectl.client import ADMIN, Client, Clocked
from k8snb.kubectl.errors import KubectlError, api_error
from k8snb.kubectl.flags import GLOBAL, Parsed, parse
from k8snb.kubectl.registry import COMMANDS
from k8snb.kubectl.session import namespace_of

__all__ = ["COMMANDS", "Result", "run"]

_WITH_VALUE = {
    word
    for flag in GLOBAL
    if flag.kind != "switch"
    for word in (f"--{flag.name}", f"-{flag.short}" if flag.short else f"--{flag.name}")
}


class Result(NamedTuple):
    """What a command printed, and its exit code."""

    stdout: str
    stderr: str
    exit: int


def run(cluster: Clocked, line: str | Sequence[str], stdin: str = "") -> Result:
    """Carry out a kubectl command on a cluster; ``line`` is a command line (without ``kubectl``) or its words.

    Mistakes are answered as kubectl answers them: text on standard error and a non-zero exit code, never an exception.
    """
    try:
        words = shlex.split(line) if isinstance(line, str) else list(line)
    except ValueError as error:
        return Result("", f"error: {error}\n", 1)
    if words[:1] == ["kubectl"]:
        words = words[1:]
    before, words = _leading_flags(words)
    if not words:
        return Result(_help(), "", 0)
    try:
        command, path, rest = _find(words)
    except KubectlError as error:
        return Result("", error.text(), error.code)
    if isinstance(command, Group):
        return Result(_group_help(command, path), "", 0)
    name = " ".join(path)
    try:
        parsed = parse(name, command.flags, [*before, *rest])
    except KubectlError as error:
        return Result("", error.text(), error.code)
    if parsed.flags.get("help"):
        return Result(_command_help(command, name), "", 0)
    return _carry_out(cluster, command, name, parsed, stdin)


def _carry_out(cluster: Clocked, command: Command, name: str, parsed: Parsed, stdin: str) -> Result:
    warnings: list[str] = []
    try:
        user = _user(parsed, cluster)
    except APIError as error:
        return Result("", api_error(error), 1)
    client = Client(cluster, user, warn=lambda text: warnings.append(f"Warning: {text}\n"))
    namespace = parsed.flags.get("namespace") or namespace_of(cluster)
    call = Call(client, name, parsed, stdin, namespace)
    code: int | None = None
    try:
        code = command.run(call)
    except KubectlError as error:
        call.err.append(error.text())
        code = error.code
    except APIError as error:
        call.err.append(api_error(error))
        code = 1
    except UnknownKind as error:
        call.err.append(f"error: {error}\n")
        code = 1
    if code is None:
        code = 1 if call.failed else 0
    return Result("".join(call.out), "".join([*warnings, *call.err]), code)


def _user(parsed: Parsed, cluster: Clocked) -> UserInfo:
    """The user of ``--as`` and ``--as-group``, else that of ``--token``, else the administrator; APIError 401."""
    name = parsed.flags.get("as")
    token = parsed.flags.get("token")
    if token and not name:
        return authenticate({"authorization": f"Bearer {token}"}, cluster.server)
    if not name:
        return ADMIN
    return assumed(UserInfo(str(name), str(parsed.flags.get("as-uid") or ""), tuple(parsed.flags.get("as-group", ()))))


def _leading_flags(words: list[str]) -> tuple[list[str], list[str]]:
    """Global flags that stand before the command, as in ``kubectl -n shop get pods``."""
    at = 0
    while at < len(words) and words[at].startswith("-"):
        at += 2 if words[at] in _WITH_VALUE and "=" not in words[at] else 1
    return words[:at], words[at:]


def _find(words: list[str]) -> tuple[Command | Group, list[str], list[str]]:
    """The command that the first words name, those words, and the rest; raises ``KubectlError``."""
    known: Sequence[Command | Group] = COMMANDS
    path: list[str] = []
    found: Command | Group | None = None
    while words and not words[0].startswith("-"):
        match = next((c for c in known if words[0] == c.name or words[0] in c.aliases), None)
        if match is None:
            break
        found = match
        path.append(match.name)
        words = words[1:]
        if isinstance(match, Command):
            return match, path, words
        known = match.commands
    if isinstance(found, Group):
        own = next((c for c in found.commands if isinstance(c, Command) and c.name == found.name), None)
        return (own, path, words) if own is not None else (found, path, words)
    unknown = words[0] if words else ""
    close = get_close_matches(unknown, [c.name for c in COMMANDS], n=3)
    hint = "\n\nDid you mean this?\n" + "".join(f"\t{name}\n" for name in close) if close else ""
    raise KubectlError(f'unknown command "{unknown}" for "kubectl"{hint}')


def _help() -> str:
    lines = ["kubectl controls the cluster in this notebook.", "", "Commands:"]
    lines += [f"  {command.name:<15} {command.about}" for command in COMMANDS]
    return "\n".join([*lines, "", "Usage:", "  kubectl [command] [TYPE] [NAME] [flags]", ""])


def _group_help(group: Group, path: list[str]) -> str:
    name = " ".join(path)
    lines = [group.about + ".", "", "Available Commands:"]
    lines += [f"  {command.name:<15} {command.about}" for command in group.commands]
    return "\n".join([*lines, "", "Usage:", f"  kubectl {name} SUBCOMMAND [flags]", ""])


def _command_help(command: Command, name: str) -> str:
    lines = [command.about + ".", "", "Flags:"]
    for flag in command.flags:
        short = f"-{flag.short}, " if flag.short else "    "
        lines.append(f"    {short}--{flag.name}")
    return "\n".join([*lines, "", "Usage:", f"  kubectl {name} [flags]", ""])
