"""One kubectl command being carried out: its client, flags and arguments, and what it has printed so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from k8snb.api.errors import APIError
from k8snb.kubectl.client import Client
from k8snb.kubectl.errors import KubectlError, api_error
from k8snb.kubectl.flags import Flag, Parsed


class Call:
    """The world of a command's function; `namespace` is the one in force, `stdin` what was piped in."""

    def __init__(self, client: Client, command: str, parsed: Parsed, stdin: str, namespace: str) -> None:
        self.client = client
        self.command = command
        self.flags = parsed.flags
        self.given = parsed.given
        self.args = parsed.args
        self.behind = parsed.behind
        self.stdin = stdin
        self.namespace = namespace
        self.out: list[str] = []
        self.err: list[str] = []
        self.failed = False

    def print(self, text: str) -> None:
        """A line on standard output."""
        self.out.append(text + "\n")

    def write(self, text: str) -> None:
        """Text on standard output as it is."""
        self.out.append(text)

    def complain(self, text: str) -> None:
        """Text on standard error as it is."""
        self.err.append(text)

    def fail(self, error: APIError | KubectlError, doing: str = "") -> None:
        """Report an error and go on; the command will end with exit code 1."""
        self.err.append(error.text() if isinstance(error, KubectlError) else api_error(error, doing))
        self.failed = True

    def flag(self, name: str) -> Any:
        """The value of a flag."""
        return self.flags[name]


class Command(NamedTuple):
    """A kubectl command: its words, flags, what it does in our words, and the function that does it.

    The function may raise `KubectlError` and `APIError`, and may return an exit code.
    """

    name: str
    about: str
    run: Callable[[Call], int | None]
    flags: tuple[Flag, ...] = ()
    aliases: tuple[str, ...] = ()


class Group(NamedTuple):
    """A command with subcommands."""

    name: str
    about: str
    commands: Sequence[Command | Group]
    aliases: tuple[str, ...] = ()


DRY_RUN = Flag("dry-run", default="none", bare="client")
OUTPUT = Flag("output", short="o", default="")
FILES: tuple[Flag, ...] = (
    Flag("filename", "list", short="f"),
    Flag("recursive", "switch", short="R", default=False),
    Flag("kustomize", short="k"),
)
SELECTOR = Flag("selector", short="l", default="")
FIELD_SELECTOR = Flag("field-selector", default="")
VALIDATE = Flag("validate", default="strict", bare="strict")
ALL_NAMESPACES = Flag("all-namespaces", "switch", short="A", default=False)
MANAGED_FIELDS = Flag("show-managed-fields", "switch", default=False)
TEMPLATE: tuple[Flag, ...] = (
    Flag("template", default=""),
    Flag("allow-missing-template-keys", "switch", default=True),
    MANAGED_FIELDS,
)
PRINTING: tuple[Flag, ...] = (OUTPUT, *TEMPLATE)


def field_validation(call: Call) -> str:
    """The `fieldValidation` that `--validate` asks for; raises `KubectlError`."""
    given = str(call.flag("validate")).lower()
    found = {"true": "Strict", "strict": "Strict", "warn": "Warn", "ignore": "Ignore", "false": "Ignore"}.get(given)
    if found is None:
        raise KubectlError(
            f'invalid - validate option "{given}"; must be one of: strict (or true), warn, ignore (or false)'
        )
    return found


def dry_run(call: Call) -> str:
    """`none`, `client` or `server`; raises `KubectlError`."""
    given = str(call.flag("dry-run"))
    if given in ("none", "client", "server"):
        return given
    if given in ("true", "false"):
        call.complain(
            f"W: --dry-run={given} is deprecated (boolean value) and can be replaced with --dry-run="
            f"{'client' if given == 'true' else 'none'}.\n"
        )
        return "client" if given == "true" else "none"
    raise KubectlError(f'Invalid dry-run value ({given}). Must be "none", "server", or "client".')


def dry_run_suffix(how: str) -> str:
    """What is printed behind a result that was not stored."""
    return {"client": " (dry run)", "server": " (server dry run)"}.get(how, "")
