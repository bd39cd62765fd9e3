"""Builtins: variables, control flow, jobs, traps, tests, echo and printf."""

from __future__ import annotations

import re
from collections.abc import Callable

from k8snb.node.container import Container
from k8snb.node.process import SIGNALS
from k8snb.node.processes import Running, processes
from k8snb.node.shell.arithmetic import ArithmeticError_, evaluate
from k8snb.node.shell.compiler import compile_script
from k8snb.node.shell.context import Context, Outcome
from k8snb.node.shell.steps import end_process, invoke, stop
from k8snb.node.shell.thread import Wait
from k8snb.node.shell.tree import ShellSyntaxError

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "\\": "\\", "e": "\x1b"}
_ESCAPE = re.compile(r"\\(0[0-7]{0,3}|x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)", re.DOTALL)
_FORMAT = re.compile(r"%(?:%|([-0 +#]*)(\*|\d+)?(?:\.(\d+))?([diouxXcsbfeEgGq]))")


def unescape(text: str) -> str:
    """Backslash escapes as ``echo -e`` and ``printf`` read them."""

    def one(found: re.Match[str]) -> str:
        code = found[1]
        if code in _ESCAPES:
            return _ESCAPES[code]
        if code[0] == "x" and len(code) > 1:
            return chr(int(code[1:], 16))
        if code[0].isdigit() and code[0] < "8":
            return chr(int(code, 8) & 255)
        return found[0]

    return _ESCAPE.sub(one, text) if "\\" in text else text


def echo(context: Context, argv: list[str]) -> Outcome:
    """echo [-n] [-e] [-E] WORDS."""
    words = argv[1:]
    newline, escapes = True, False
    while words and re.fullmatch(r"-[neE]+", words[0]):
        flags = words.pop(0)
        newline = newline and "n" not in flags
        escapes = (escapes or "e" in flags) and "E" not in flags
    text = " ".join(words)
    if escapes:
        text, stop_at, _ = text.partition("\\c")
        newline = newline and not stop_at
        text = unescape(text)
    context.out(text + ("\n" if newline else ""))
    return 0


def printf(context: Context, argv: list[str]) -> Outcome:
    """printf FORMAT WORDS."""
    words = argv[1:]
    if words[:1] == ["--"]:
        words.pop(0)
    if not words:
        return context.fail("printf: usage: printf format [arguments]", 2)
    pattern, rest = words[0], words[1:]
    result = []
    while True:
        before = len(rest)
        result.append(_format(unescape(pattern), rest))
        if not rest or len(rest) == before:
            break
    context.out("".join(result))
    return 0


def _format(pattern: str, rest: list[str]) -> str:
    def one(found: re.Match[str]) -> str:
        kind = found[4]
        if kind is None:
            return "%"
        width = found[2] or ""
        if width == "*":
            width = rest.pop(0) if rest else ""
        precision = f".{found[3]}" if found[3] is not None else ""
        value = rest.pop(0) if rest else ""
        if kind in "diouxX":
            number = _number(value)
            code = "d" if kind in "diu" else kind
            return f"%{found[1]}{width}{code}" % number
        if kind in "feEgG":
            return f"%{found[1]}{width}{precision}{kind}" % float(value or 0)
        if kind == "c":
            return value[:1]
        if kind == "b":
            value = unescape(value)
        return f"%{found[1].replace('0', '')}{width}{precision}s" % value

    return _FORMAT.sub(one, pattern)


def _number(text: str) -> int:
    try:
        return int(text, 0) if text else 0
    except ValueError:
        return ord(text[1]) if text[:1] in "\"'" and len(text) > 1 else 0


def true(context: Context, argv: list[str]) -> Outcome:
    """Success."""
    return 0


def false(context: Context, argv: list[str]) -> Outcome:
    """Failure."""
    return 1


def exit_(context: Context, argv: list[str]) -> Outcome:
    """exit [STATUS]."""
    stop(context, int(argv[1]) & 255 if len(argv) > 1 and argv[1].lstrip("-").isdigit() else context.thread.status)
    return None


def return_(context: Context, argv: list[str]) -> Outcome:
    """return [STATUS]: from a function."""
    thread = context.thread
    if not thread.calls:
        return exit_(context, argv)
    status = int(argv[1]) & 255 if len(argv) > 1 and argv[1].isdigit() else thread.status
    thread.leave()
    thread.status = status
    return None


def export(context: Context, argv: list[str]) -> Outcome:
    """export NAME[=VALUE]…, local NAME[=VALUE]…; readonly, declare and typeset only set."""
    thread = context.thread
    for word in argv[1:]:
        name, equals, value = word.partition("=")
        if name.startswith("-"):
            continue
        if argv[0] == "local" and thread.calls:
            thread.calls[-1][3].setdefault(name, thread.variables.get(name))
        if equals:
            thread.variables[name] = value
        if argv[0] == "export":
            thread.exports[name] = None
    return 0


def unset(context: Context, argv: list[str]) -> Outcome:
    """unset NAME…"""
    for name in argv[1:]:
        context.thread.variables.pop(name, None)
    return 0


def set_(context: Context, argv: list[str]) -> Outcome:
    """set -e, -u, -x, -o pipefail, +x, or new positional parameters."""
    words = argv[1:]
    while words:
        word = words[0]
        if word == "--":
            context.thread.arguments = tuple(words[1:])
            return 0
        if word[:1] not in ("-", "+") or len(word) == 1:
            context.thread.arguments = tuple(words)
            return 0
        words.pop(0)
        on = word[0] == "-"
        for letter in word[1:]:
            if letter == "o":
                name = words.pop(0) if words else ""
                letter = {"errexit": "e", "nounset": "u", "xtrace": "x"}.get(name, "")
            if letter:
                context.thread.options[letter] = on
    return 0


def shift(context: Context, argv: list[str]) -> Outcome:
    """shift [N]."""
    count = int(argv[1]) if len(argv) > 1 and argv[1].isdigit() else 1
    context.thread.arguments = context.thread.arguments[count:]
    return 0


def read(context: Context, argv: list[str]) -> Outcome:
    """read [-r] [-p TEXT] [-t S] NAME…"""
    names = []
    words = argv[1:]
    while words:
        word = words.pop(0)
        if word in ("-p", "-t", "-n", "-d"):
            words = words[1:]
        elif not word.startswith("-"):
            names.append(word)
    line = context.read_line()
    names = names or ["REPLY"]
    variables = context.thread.variables
    if line is None:
        for name in names:
            variables[name] = ""
        return 1
    separators = variables.get("IFS")
    fields = line.split(None if separators is None else separators or "\0", len(names) - 1)
    for index, name in enumerate(names):
        variables[name] = (
            fields[index].strip() if index < len(fields) and separators is None else "".join(fields[index : index + 1])
        )
    return 0


def cd(context: Context, argv: list[str]) -> Outcome:
    """cd [DIRECTORY]."""
    thread = context.thread
    name = argv[1] if len(argv) > 1 else thread.variables.get("HOME", "/root")
    path = context.path(thread.variables.get("OLDPWD", "/") if name == "-" else name)
    if not context.files.is_directory(path):
        return context.fail(f"{context.machine.name}: cd: can't cd to {name}: No such file or directory", 2)
    thread.variables["OLDPWD"], thread.directory = thread.directory, path
    thread.variables["PWD"] = path
    return 0


def pwd(context: Context, argv: list[str]) -> Outcome:
    """The working directory."""
    context.out(context.thread.directory + "\n")
    return 0


def eval_(context: Context, argv: list[str]) -> Outcome:
    """eval WORDS."""
    return run_text(context, " ".join(argv[1:]))


def source(context: Context, argv: list[str]) -> Outcome:
    """. FILE."""
    text = context.files.read(context.path(argv[1])) if len(argv) > 1 else None
    if text is None:
        return context.fail(f"{context.machine.name}: {argv[1] if len(argv) > 1 else '.'}: not found", 127)
    return run_text(context, text)


def run_text(context: Context, text: str, arguments: tuple[str, ...] | None = None) -> Outcome:
    """Run text as a script in the present thread."""
    try:
        code = compile_script(text)
    except ShellSyntaxError as error:
        return context.fail(f"{context.machine.name}: {error}", 2)
    context.thread.enter(code, arguments)
    return None


def shell(context: Context, argv: list[str]) -> Outcome:
    """sh -c SCRIPT ARG…, sh FILE ARG…: a shell within the shell."""
    words = argv[1:]
    prefix = ""
    command = False
    while words and words[0].startswith("-") and len(words[0]) > 1:
        flags = words.pop(0)[1:]
        command = command or "c" in flags
        prefix += "".join(f"set -{f}; " for f in flags if f in "eux")
    if not words:
        text = context.read_all()
        return run_text(context, f"(\n{text}\n)") if text.strip() else 0
    if command:
        return run_text(context, f"(\n{prefix}{words[0]}\n)", tuple(words[2:]))
    script = context.files.read(context.path(words[0]))
    if script is None:
        return context.fail(f"{argv[0]}: can't open '{words[0]}': No such file or directory", 2)
    return run_text(context, f"(\n{prefix}{script}\n)", tuple(words[1:]))


def exec_(context: Context, argv: list[str]) -> Outcome:
    """exec COMMAND: the command takes the shell's place."""
    words = argv[1:]
    if not words:
        return 0
    outcome = invoke(context, words)
    thread = context.thread
    if isinstance(outcome, Wait):
        if outcome.app is not None and thread.pid == 1:
            outcome.data = ("exec",)
        else:
            thread.at = len(thread.code.instructions)
        return outcome
    if outcome is not None:
        stop(context, outcome)
        if thread.pid == 1 and thread.done:
            end_process(context, outcome)
    return None


def trap(context: Context, argv: list[str]) -> Outcome:
    """trap ACTION SIGNAL…"""
    words = [w for w in argv[1:] if w != "--"]
    if not words:
        return 0
    if len(words) == 1:
        action, names = "-", words
    else:
        action, names = words[0], words[1:]
    numbers = {str(n): name.removeprefix("SIG") for name, n in SIGNALS.items()}
    for name in names:
        short = numbers.get(name, name.upper().removeprefix("SIG"))
        short = "EXIT" if short == "0" else short
        if action == "-":
            context.thread.traps.pop(short, None)
        else:
            context.thread.traps[short] = action
    return 0


def wait(context: Context, argv: list[str]) -> Outcome:
    """wait [PID…]: until background jobs have ended."""
    pids = tuple(int(w) for w in argv[1:] if w.isdigit())
    machine = context.machine
    left = [t for t in machine.threads if not t.done and t.pid != context.thread.pid and (not pids or t.pid in pids)]
    if not left:
        return 0
    return Wait("job", None, data=pids)


def kill(context: Context, argv: list[str]) -> Outcome:
    """kill [-SIGNAL] PID…"""
    name = "SIGTERM"
    words = argv[1:]
    if words[:1] == ["-s"] and len(words) > 1:
        name, words = f"SIG{words[1].upper().removeprefix('SIG')}", words[2:]
    elif words and words[0].startswith("-"):
        text = words.pop(0)[1:]
        numbers = {str(n): s for s, n in SIGNALS.items()}
        if text == "0":
            return 0
        name = numbers.get(text, f"SIG{text.upper().removeprefix('SIG')}")
    status = 0
    for word in words:
        status = _kill(context, word, name) or status
    return status


def _kill(context: Context, word: str, name: str) -> int:
    """Signal a process that is seen from here: a part of the own script, or the main process of a container.

    Simplification: the sandbox (process 1 of a shared PID namespace) and the processes that a program has started ignore it.
    """
    box, machine = context.box, context.machine
    if box.worker.box(box.name).process is not machine or word != "1":
        for thread in machine.threads:
            if str(thread.pid) == word and not thread.done and thread.pid != 1:
                machine.signal_thread(thread, name, box, context.now, context.world)
                return 0
    found = next((row for row in processes(box) if str(row.pid) == word), None)
    if found is None:
        return context.fail(f"{machine.name}: can't kill pid {word}: No such process")
    other = found.box
    if other is not None and other.process is not None and not any(row.pid < found.pid for row in _of(other, box)):
        other.process.signal(name, other, context.now, context.world)
        if other.name != box.name:
            other.worker.look(context.now)
    return 0


def _of(box: Container, seen_from: Container) -> list[Running]:
    """The processes of one container, with their numbers as seen from another."""
    return [row for row in processes(seen_from) if row.box is not None and row.box.name == box.name]


def let(context: Context, argv: list[str]) -> Outcome:
    """let EXPRESSION…"""
    value = 0
    try:
        for word in argv[1:]:
            value = evaluate(word, context.thread.variables)
    except ArithmeticError_ as error:
        return context.fail(f"let: {error}")
    return int(value == 0)


def command(context: Context, argv: list[str]) -> Outcome:
    """command [-v] NAME…; also type and which."""
    from k8snb.node.shell.commands import COMMANDS

    words = [w for w in argv[1:] if not w.startswith("-")]
    if argv[0] == "command" and "-v" not in argv[1:2]:
        return invoke(context, words) if words else 0
    status = 0
    for word in words:
        image = context.box.image
        if word in COMMANDS or word in context.thread.functions or (image is not None and image.program(word)):
            context.out(
                f"{word}\n"
                if argv[0] == "command"
                else f"/usr/bin/{word}\n"
                if argv[0] == "which"
                else f"{word} is {word}\n"
            )
        else:
            status = 1 if argv[0] == "which" else 127
    return status


COMMANDS: dict[str, Callable[[Context, list[str]], Outcome]] = {
    ".": source, ":": true, "ash": shell, "bash": shell, "cd": cd, "command": command,
    "declare": export, "echo": echo, "eval": eval_, "exec": exec_, "exit": exit_, "export": export, "false": false,
    "kill": kill, "let": let, "local": export, "printf": printf, "pwd": pwd, "read": read, "readonly": export,
    "return": return_, "set": set_, "sh": shell, "shift": shift, "source": source, "trap": trap,
    "true": true, "type": command, "typeset": export, "ulimit": true, "umask": true, "unset": unset, "wait": wait,
    "which": command,
}  # fmt: skip
"""Builtins by name."""
