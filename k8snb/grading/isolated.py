"""A grade is decided in a process of its own: no code of a student runs there, and what an answer makes it do is limited.

The process gets the question and the answer on standard input and gives the outcome on standard output; it starts in an
empty folder, with an empty environment, without write access to files, with limited time, processor time and memory.
Where the system knows no such limits (Windows) only the wall clock limits it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

import k8snb
from k8snb.grading.model import ExerciseError, Question
from k8snb.grading.replay import Held, Outcome
from k8snb.locale import text

WALL = 180.0
"""Seconds of real time for one answer to one question."""
CPU = 90
"""Seconds of processor time for it."""
MEMORY = 3 << 30
"""Bytes of address space for it."""
EXERCISE_WRONG = 3
"""Exit code of a grading process that found a mistake in the exercise itself."""
LARGEST_OUTCOME = 16 << 20
"""Bytes of an outcome that are read."""
_START = "import sys; sys.path.insert(0, sys.argv[1]); from k8snb.grading.isolated import child; child()"


class Task(msgspec.Struct, frozen=True):
    """What the grading process is told."""

    question: Question
    answer: str
    student: str
    salt: str
    cpu: int
    memory: int


def grade_answer(
    question: Question,
    answer: str,
    *,
    student: str,
    salt: str = "",
    wall: float = WALL,
    cpu: int = CPU,
    memory: int = MEMORY,
) -> Outcome:
    """Replay an answer in a process of its own; an answer that uses up its limits earns nothing.

    Raises ``ExerciseError`` when the exercise itself cannot be carried out.
    """
    task = msgspec.json.encode(Task(question, answer, student, salt, cpu, memory))
    root = str(Path(k8snb.__file__).resolve().parents[1])
    keep = {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP", "TMP") if name in os.environ}
    with tempfile.TemporaryDirectory(prefix="k8snb-grade-") as folder:
        process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-c", _START, root],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env={**keep, "PYTHONHASHSEED": "0"},
            start_new_session=True,
        )
        try:
            output, errors = process.communicate(task, timeout=wall)
        except subprocess.TimeoutExpired:
            _kill(process)
            return stopped(question, "grading.stopped.time", seconds=int(wall))
    if process.returncode == EXERCISE_WRONG:
        raise ExerciseError(f"question {question.id}: {errors.decode(errors='replace').strip()}")
    if process.returncode == 0 and len(output) <= LARGEST_OUTCOME:
        with contextlib.suppress(msgspec.MsgspecError):
            return msgspec.json.decode(output, type=Outcome)
    return stopped(question, "grading.stopped.limits", seconds=cpu, memory=memory >> 20)


def stopped(question: Question, message: str, **values: int) -> Outcome:
    """The outcome of an answer that was given up."""
    held = tuple(
        Held(c.id, False, 0.0, c.points, question.is_hidden(c), c.gate, {"en": c.says.en, "zh": c.says.zh}, {}, {})
        for c in question.checks
    )
    told = " / ".join(text(message, language, **values) for language in ("en", "zh"))
    return Outcome(question.id, 0.0, question.points, True, held, told)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.communicate()


def child() -> None:
    """The grading process: limit itself, replay, write the outcome."""
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    out = os.fdopen(os.dup(1), "wb")
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    limit(task.cpu, task.memory)
    from k8snb.grading.replay import replay

    try:
        outcome = replay(task.question, task.answer, student=task.student, salt=task.salt)
    except MemoryError:
        os._exit(1)
    except ValueError as error:
        sys.stderr.write(str(error))
        sys.stderr.flush()
        os._exit(EXERCISE_WRONG)
    out.write(msgspec.json.encode(outcome))
    out.close()
    os._exit(0)


def limit(cpu: int, memory: int) -> None:
    """Limit this process; what the system does not know is left out."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for name, value in (
        ("RLIMIT_CPU", cpu),
        ("RLIMIT_AS", memory),
        ("RLIMIT_FSIZE", 0),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_NOFILE", 32),
        ("RLIMIT_NPROC", 0),
    ):
        number = getattr(resource, name, None)
        if number is not None:
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(number, (value, value))
