"""The commands of the shell, one file per sort; a new sort is a new file and one line here.

A command is a function of (context, argv): it writes with ``context.out`` and ``context.err`` and returns its exit status,
or a ``Wait`` when it takes time.
"""

from __future__ import annotations

from collections.abc import Callable

from k8snb.node.shell.commands import (
    archives,
    builtins,
    clients,
    conditions,
    filesystem,
    interfaces,
    mounts,
    processes,
    system,
    text,
    web,
)
from k8snb.node.shell.context import Context, Outcome

Command = Callable[[Context, list[str]], Outcome]

COMMANDS: dict[str, Command] = {
    **builtins.COMMANDS,
    **conditions.COMMANDS,
    **system.COMMANDS,
    **processes.COMMANDS,
    **interfaces.COMMANDS,
    **mounts.COMMANDS,
    **filesystem.COMMANDS,
    **archives.COMMANDS,
    **text.COMMANDS,
    **web.COMMANDS,
    **clients.COMMANDS,
}
"""Name -> command."""
