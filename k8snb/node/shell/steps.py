"""The instructions of the shell machine."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from k8snb.node.app import AppProcess
from k8snb.node.container import CONTROL
from k8snb.node.files import NoDirectory, ReadOnly
from k8snb.node.process import Exit
from k8snb.node.shell.compiler import Instruction, compile_script
from k8snb.node.shell.context import Context, Outcome, put
from k8snb.node.shell.expand import Expander, ExpansionError
from k8snb.node.shell.thread import Scope, Stream, Thread, Wait
from k8snb.node.shell.tree import Redirect, ShellSyntaxError, Word


def _expander(context: Context, count: int) -> Expander:
    thread = context.thread
    captured = thread.subst[len(thread.subst) - count :] if count else []
    if count:
        del thread.subst[len(thread.subst) - count :]
    return Expander(thread, captured, context.box.filesystem(context.world))


def stop(context: Context, status: int) -> None:
    """End the innermost subshell, or the thread."""
    thread = context.thread
    thread.status = status
    if thread.scopes:
        scope = thread.scopes[-1]
        while len(thread.calls) > scope.calls:
            thread.leave()
        thread.code = scope.code
        thread.at = scope.end - 1  # the instruction that ends the scope
        return
    if "EXIT" in thread.traps:
        thread.calls.clear()
        text = thread.traps.pop("EXIT")
        thread.traps.clear()
        try:
            thread.code, thread.at = compile_script(f"{text}\nexit {status}"), 0
            return
        except ShellSyntaxError:
            pass
    thread.done = True


def _open(context: Context, redirects: tuple[Redirect, ...], expander: Expander) -> str | None:
    """Apply redirections to the thread; the message of the first that fails."""
    thread = context.thread
    for fd, op, word in redirects:
        if op == "<<":
            thread.stdin = thread.new_buffer(expander.single(word))
            continue
        if op == "<<<":
            thread.stdin = thread.new_buffer(expander.single(word) + "\n")
            continue
        name = expander.single(word)
        if op in (">&", "<&"):
            source = {"1": thread.out, "2": thread.err, "-": ("null",)}.get(name)
            if source is None:
                return f"{name}: Bad file descriptor"
            if fd == 2:
                thread.err = source
            elif fd == 1:
                thread.out = source
            continue
        path = context.path(name)
        if op == "<":
            if path == "/dev/null":
                thread.stdin = thread.new_buffer()
                continue
            text = context.files.read(path)
            if text is None:
                return f"can't open {name}: no such file"
            thread.stdin = thread.new_buffer(text)
            continue
        stream: Stream
        if path in ("/dev/stdout", "/proc/1/fd/1", "/proc/self/fd/1"):
            stream = ("log", "stdout") if path != "/dev/stdout" else thread.out
        elif path in ("/dev/stderr", "/proc/1/fd/2", "/proc/self/fd/2"):
            stream = ("log", "stderr") if path != "/dev/stderr" else thread.err
        elif path == "/dev/null" or path.startswith("/dev/tcp/"):
            stream = ("null",)
        else:
            try:
                if op == ">>":
                    context.files.write(path, "", append=True)
                else:
                    context.files.write(path, "")
            except ReadOnly:
                return f"can't create {name}: Read-only file system"
            except NoDirectory:
                return f"can't create {name}: nonexistent directory"
            stream = ("file", path)
        if fd == 2:
            thread.err = stream
        else:
            thread.out = stream
    return None


def command(context: Context, instruction: Instruction) -> None:
    """A simple command."""
    _, assigns, words, redirects, count = instruction
    thread = context.thread
    before = (thread.stdin, thread.out, thread.err)
    try:
        expander = _expander(context, count)
        values = [(name, expander.single(word)) for name, word in assigns]
        argv = expander.words(words)
        problem = _open(context, redirects, expander) if redirects else None
    except ExpansionError as error:
        context.err(f"{context.machine.name}: {error}\n")
        stop(context, 2)
        return
    if problem is not None:
        thread.stdin, thread.out, thread.err = before
        context.err(f"{context.machine.name}: {problem}\n")
        thread.status = 1
        return
    if thread.options.get("x") and argv:
        context.err(f"+ {' '.join(argv)}\n")
    if not argv:
        thread.variables.update(values)
        if not count:
            thread.status = 0
        thread.stdin, thread.out, thread.err = before
        return
    saved = {name: thread.variables.get(name) for name, _ in values}
    thread.variables.update(values)
    outcome = invoke(context, argv)
    if argv[0] != "exec" or len(argv) > 1:
        for name, old in saved.items():
            if old is None:
                thread.variables.pop(name, None)
            else:
                thread.variables[name] = old
    if isinstance(outcome, Wait):
        _text_before_restore(context, outcome, before)
        outcome.argv = tuple(argv)
        thread.wait = outcome
    elif outcome is not None:
        thread.status = outcome
    if argv != ["exec"] and not (outcome is None and argv[0] in thread.functions):
        if redirects:
            _drop_input(thread, before[0])
        thread.stdin, thread.out, thread.err = before
    elif outcome is None and redirects:
        thread.stdin, thread.out, thread.err = before


def _drop_input(thread: Thread, kept: int | None) -> None:
    if thread.stdin is not None and thread.stdin != kept:
        thread.buffers.pop(thread.stdin, None)


def _text_before_restore(context: Context, wait: Wait, before: tuple[int | None, Stream, Stream]) -> None:
    """Output that a command will write later goes where its own redirections say: keep the streams with it."""
    thread = context.thread
    if (thread.out, thread.err) == before[1:]:
        return
    entries: list[Any] = []
    for entry in wait.data:
        if isinstance(entry, tuple) and len(entry) == 2 and entry[0] in ("out", "err"):
            stream = thread.out if entry[0] == "out" else thread.err
            put(context, stream, entry[1])
        else:
            entries.append(entry)
    wait.data = tuple(entries)


def invoke(context: Context, argv: list[str]) -> Outcome:
    """Run a command by its words: function, builtin, program of the image, file, or not found."""
    from k8snb.node.shell.commands import COMMANDS

    thread, box = context.thread, context.box
    name = argv[0]
    code = thread.functions.get(name)
    if code is not None:
        if len(thread.calls) > 200:
            return context.fail(f"{context.machine.name}: maximum function nesting level exceeded", 1)
        thread.enter(code, tuple(argv[1:]))
        return None
    base = name.rpartition("/")[2]
    image = box.image
    app = image.program(base) if image is not None else None
    if app is not None and CONTROL.isdisjoint(argv[1:]):
        return run_app(context, AppProcess(app, tuple(argv)), replace=_is_last(context))
    function = COMMANDS.get(base)
    if function is not None:
        try:
            return function(context, argv)
        except ReadOnly as error:
            return context.fail(f"{base}: {error}: Read-only file system")
        except NoDirectory as error:
            return context.fail(f"{base}: {error}: No such file or directory")
        except (ValueError, LookupError, ArithmeticError, RecursionError, re.error) as error:
            return context.fail(f"{base}: cannot make sense of {' '.join(argv[1:])!r}: {error}", 2)
    path = context.path(name) if "/" in name else None
    text = context.files.read(path) if path is not None else None
    if text is not None:
        try:
            script = compile_script(text)
        except ShellSyntaxError as error:
            return context.fail(f"{name}: {error}", 2)
        thread.enter(script, tuple(argv[1:]))
        return None
    if image is not None and image.generic and image.programs and "/" in name:
        return run_app(context, AppProcess(image.programs[0], tuple(argv)), replace=_is_last(context))
    return context.fail(f"{context.machine.name}: {name}: not found", 127)


def _is_last(context: Context) -> bool:
    """Whether a command takes the shell's place: the last one of ``sh -c`` in ash and dash, as long as nothing is trapped."""
    thread = context.thread
    if thread.pid != 1 or thread.calls or thread.scopes or thread.traps:
        return False
    rest = [i for i in thread.code.instructions[thread.at :] if i[0] not in ("check",)]
    if rest:
        return False
    return context.machine.name != "bash" or sum(i[0] == "command" for i in thread.code.instructions) == 1


def run_app(context: Context, app: AppProcess, *, replace: bool) -> Outcome:
    """Run a program of the image in the foreground; a server that makes itself a daemon returns at once."""
    app.start(context.box, context.now, context.world)
    if app.exited is not None:
        return app.exited.code
    if app.app.behaviour == "nginx" and not any("daemon off" in word for word in app.argv):
        context.machine.daemons.append(app)
        return 0
    wait = Wait("app", None, data=("exec",) if replace else ())
    wait.app = app
    return wait


# -- control


def _jump(context: Context, instruction: Instruction) -> None:
    context.thread.at = instruction[1]


def _jump_zero(context: Context, instruction: Instruction) -> None:
    if context.thread.status == 0:
        context.thread.at = instruction[1]


def _jump_not_zero(context: Context, instruction: Instruction) -> None:
    if context.thread.status != 0:
        context.thread.at = instruction[1]


def _not(context: Context, instruction: Instruction) -> None:
    context.thread.status = int(context.thread.status == 0)


def _status(context: Context, instruction: Instruction) -> None:
    context.thread.status = instruction[1]


def _loop_end(context: Context, instruction: Instruction) -> None:
    context.thread.status = 0


def _check(context: Context, instruction: Instruction) -> None:
    if context.thread.status and context.thread.options.get("e"):
        stop(context, context.thread.status)


def _define(context: Context, instruction: Instruction) -> None:
    context.thread.functions[instruction[1]] = instruction[2]
    context.thread.status = 0


def _list(context: Context, instruction: Instruction) -> None:
    _, words, count = instruction
    thread = context.thread
    if words is None:
        thread.lists.append(list(thread.arguments))
        return
    try:
        thread.lists.append(_expander(context, count).words(words))
    except ExpansionError as error:
        context.err(f"{context.machine.name}: {error}\n")
        thread.lists.append([])


def _next(context: Context, instruction: Instruction) -> None:
    values = context.thread.lists[-1]
    if values:
        context.thread.variables[instruction[2]] = values.pop(0)
    else:
        context.thread.at = instruction[1]


def _pop(context: Context, instruction: Instruction) -> None:
    context.thread.lists.pop()


def _subject(context: Context, instruction: Instruction) -> None:
    _, word, count = instruction
    context.thread.lists.append([_single(context, word, count)])


def _single(context: Context, word: Word, count: int) -> str:
    try:
        return _expander(context, count).single(word)
    except ExpansionError as error:
        context.err(f"{context.machine.name}: {error}\n")
        return ""


def _match(context: Context, instruction: Instruction) -> None:
    _, target, patterns, count = instruction
    subject = context.thread.lists[-1][0]
    expander = _expander(context, count)
    try:
        if any(fnmatchcase(subject, expander.pattern(word)) for word in patterns):
            return
    except ExpansionError as error:
        context.err(f"{context.machine.name}: {error}\n")
    context.thread.at = target


def _redirect(context: Context, instruction: Instruction) -> None:
    _, redirects, count = instruction
    thread = context.thread
    thread.redirects.append((thread.stdin, thread.out, thread.err))
    problem = _open(context, redirects, _expander(context, count))
    if problem is not None:
        context.err(f"{context.machine.name}: {problem}\n")
        thread.out = thread.err = ("null",)


def _unredirect(context: Context, instruction: Instruction) -> None:
    thread = context.thread
    before = thread.redirects.pop()
    _drop_input(thread, before[0])
    thread.stdin, thread.out, thread.err = before


def _capture(context: Context, instruction: Instruction) -> None:
    thread = context.thread
    buffer = thread.new_buffer()
    thread.scopes.append(Scope(thread, instruction[1], buffer))
    thread.out = ("buffer", str(buffer))


def finish_scope(context: Context) -> Scope:
    """Leave a subshell: its variables, streams and stacks are forgotten."""
    thread = context.thread
    scope = thread.scopes.pop()
    thread.variables = scope.variables
    thread.arguments = scope.arguments
    thread.directory = scope.directory
    thread.stdin, thread.out, thread.err = scope.streams
    del thread.lists[scope.lists :]
    del thread.redirects[scope.redirects :]
    del thread.pipes[scope.pipes :]
    del thread.filters[scope.filters :]
    return scope


def _captured(context: Context, instruction: Instruction) -> None:
    scope = finish_scope(context)
    assert scope.buffer is not None
    context.thread.subst.append(context.thread.buffers.pop(scope.buffer, "").rstrip("\n"))


def _subshell(context: Context, instruction: Instruction) -> None:
    context.thread.scopes.append(Scope(context.thread, instruction[1], None))


def _end_scope(context: Context, instruction: Instruction) -> None:
    finish_scope(context)


def _pipe(context: Context, instruction: Instruction) -> None:
    """Begin a stage of a pipeline: its input is the output of the stage before."""
    _, first, last = instruction
    thread = context.thread
    if first:
        thread.pipes.append((thread.stdin, thread.out, 0))
    outer_in, outer_out, produced = thread.pipes[-1]
    if not first:
        thread.stdin = produced
    if last:
        thread.out = outer_out
    else:
        produced = thread.new_buffer()
        thread.pipes[-1] = (outer_in, outer_out, produced)
        thread.out = ("buffer", str(produced))


def _unpipe(context: Context, instruction: Instruction) -> None:
    """End a stage; after the last one everything is as before."""
    thread = context.thread
    outer_in, outer_out, _ = thread.pipes[-1]
    following = thread.code.instructions[thread.at][0] if thread.at < len(thread.code.instructions) else ""
    if thread.stdin is not None and thread.stdin != outer_in:
        thread.buffers.pop(thread.stdin, None)
    if following != "pipe" or thread.code.instructions[thread.at][1]:
        thread.pipes.pop()
        thread.stdin, thread.out = outer_in, outer_out


def _filters(context: Context, instruction: Instruction) -> None:
    """Send the output of what follows through filters, line by line."""
    _, stages, count = instruction
    thread = context.thread
    expander = _expander(context, count)
    target = thread.out
    thread.redirects.append((thread.stdin, thread.out, thread.err))
    argvs = [expander.words(words) for words, _ in stages]
    last = stages[-1][1]
    if last:
        problem = _open(context, last, expander)
        if problem is not None:
            context.err(f"{context.machine.name}: {problem}\n")
            thread.out = ("null",)
        target = thread.out
    thread.filters.append([*argvs, ["\0target", *target], ["\0partial", ""]])
    thread.out = ("filter", str(len(thread.filters) - 1))


def _filtered(context: Context, instruction: Instruction) -> None:
    from k8snb.node.shell.commands.filters import close

    thread = context.thread
    thread.status = close(context, len(thread.filters) - 1)
    thread.filters.pop()
    thread.stdin, thread.out, thread.err = thread.redirects.pop()


def _spawn(context: Context, instruction: Instruction) -> None:
    """Start a background thread: a copy of this one with a life of its own."""
    thread, machine = context.thread, context.machine
    child = Thread(instruction[1], machine.next_pid, dict(thread.variables), thread.directory)
    machine.next_pid += 1
    child.arguments = thread.arguments
    child.functions = dict(thread.functions)
    child.options = dict(thread.options)
    child.out, child.err = thread.out, thread.err
    child.buffers = thread.buffers
    child.filters = thread.filters
    machine.threads.append(child)
    thread.background = child.pid
    thread.status = 0
    machine.run(child, context.box, context.now, context.world)


def end_process(context: Context, status: int) -> None:
    """End the whole process at once."""
    context.machine.exited = Exit(context.now, status)


EXECUTE: dict[str, Callable[[Context, Instruction], None]] = {
    "capture": _capture,
    "captured": _captured,
    "check": _check,
    "command": command,
    "define": _define,
    "end-scope": _end_scope,
    "filtered": _filtered,
    "filters": _filters,
    "jmp": _jump,
    "jnz": _jump_not_zero,
    "jz": _jump_zero,
    "list": _list,
    "loop-end": _loop_end,
    "match": _match,
    "next": _next,
    "not": _not,
    "pipe": _pipe,
    "pop": _pop,
    "redirect": _redirect,
    "spawn": _spawn,
    "status": _status,
    "subject": _subject,
    "subshell": _subshell,
    "unpipe": _unpipe,
    "unredirect": _unredirect,
}
"""Instruction -> what it does."""
