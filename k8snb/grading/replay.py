"""An answer replayed: a fresh cluster, the question's world, the answer, then every check on a copy of its own."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import msgspec

from k8snb.api.errors import APIError
from k8snb.api.mistakes import Mistake
from k8snb.api.scheme import UnknownKind
from k8snb.cluster import Cluster
from k8snb.grading.answers import is_empty
from k8snb.grading.conditions import Seen
from k8snb.grading.model import Check, Drawer, Question, World, conditions_of, drawer, number, steps_of
from k8snb.grading.steps import parse_steps
from k8snb.kubectl import run as run_kubectl

WORLD_SETTLES = 300.0
"""How many simulated seconds a world may take to come up before it is answered."""
MOST_COMMANDS = 200
"""Command lines of one answer that are carried out."""
FILES = (
    "-f", "--filename", "-k", "--kustomize", "--from-file", "--from-env-file", "--patch-file", "--kubeconfig", "-R",
    "--recursive", "--cert", "--key", "--token-file", "--profile-output", "--cache-dir",
)  # fmt: skip
"""kubectl flags that name files: an answer has none, and a grader's files are not for reading."""


class Held(msgspec.Struct, frozen=True):
    """What became of a check: ``seen`` tells in both languages what was found where it did not hold."""

    id: str
    holds: bool
    points: float
    of: float
    hidden: bool
    gate: bool
    says: dict[str, str]
    seen: dict[str, tuple[str, ...]]
    why: dict[str, str]


class Outcome(msgspec.Struct, frozen=True):
    """What became of an answer.

    ``problem`` is what the API server or kubectl said when the answer could not be carried out, ``transcript`` what each
    command printed, ``misconceptions`` the ids of those recognised, with what to say about them.
    """

    question: str
    points: float
    of: float
    answered: bool
    checks: tuple[Held, ...]
    problem: str = ""
    transcript: str = ""
    misconceptions: dict[str, dict[str, str]] = {}


def start(
    question: Question,
    world: World | None = None,
    values: Drawer | None = None,
    seed: int = 0,
    cluster_type: type[Cluster] = Cluster,
) -> Cluster:
    """A cluster with the world that a question starts from."""
    world = world or World("")
    values = values or Drawer({})
    nodes: Any = world.nodes if world.nodes is not None else question.nodes
    cluster = cluster_type(nodes=values(nodes), seed=seed)
    for image, entry in question.images.items():
        cluster.images.add(image, **entry)
    for manifest in (question.setup, world.setup):
        if manifest.strip():
            cluster.apply(values(manifest))
    cluster.settle(limit=WORLD_SETTLES)
    for step in parse_steps(values(question.prepare), question.id):
        step.act(cluster)
    return cluster


def give(cluster: Cluster, question: Question, answer: str) -> tuple[str, str]:
    """Carry an answer out; what went wrong (nothing: empty) and what was printed."""
    if question.answer == "manifest":
        try:
            return "", repr(cluster.apply(f"{answer}\n"))  # a line break makes it text: one line alone would be a path
        except (Mistake, APIError, UnknownKind, ValueError) as error:
            return str(error), ""
    printed: list[str] = []
    problem = ""
    for line in list(commands(answer))[:MOST_COMMANDS]:
        said = forbidden(line)
        if said:
            printed.append(f"$ kubectl {line}\n{said}")
            problem = problem or said
            continue
        result = run_kubectl(cluster, line)
        printed.append(f"$ kubectl {line}\n{result.stdout}{result.stderr}".rstrip())
        if result.exit and not problem:
            problem = result.stderr.strip()
    return problem, "\n".join(printed)


def commands(answer: str) -> Iterator[str]:
    """The command lines of an answer, without ``kubectl`` and what may stand before it in a notebook."""
    for line in answer.replace("\\\n", " ").splitlines():
        text = line.strip().lstrip("!%$ ").strip()
        if text and not text.startswith("#"):
            yield text.removeprefix("kubectl ").strip()


def forbidden(line: str) -> str:
    """Why a command is not carried out as part of an answer; empty when it is."""
    try:
        words = shlex.split(line)
    except ValueError:
        return ""
    for word in words:
        flag = word.partition("=")[0]
        if flag in FILES or (word.startswith("-f") and not word.startswith("--")):
            return f"error: {flag} names a file; an answer consists of commands alone"
    if words[:1] == ["cp"]:
        return "error: cp reads and writes files; an answer consists of commands alone"
    return ""


def replay(question: Question, answer: str, *, student: str = "", salt: str = "", hidden: bool = True) -> Outcome:
    """Try an answer in the question's world, and with ``hidden`` in its further worlds; the points it earns.

    The seed of every world depends on the student, the question and ``salt`` alone. Raises ``ValueError`` for a mistake of
    the exercise itself.
    """
    values = drawer(question, student, salt)
    checks = [check for check in question.checks if hidden or not question.is_hidden(check)]
    total = sum(check.points for check in checks)
    if is_empty(answer):
        held = tuple(_unanswered(question, check) for check in checks)
        return Outcome(question.id, 0.0, total, False, held)
    held_by_id: dict[str, Held] = {}
    problem = transcript = ""
    found: dict[str, dict[str, str]] = {}
    for name in dict.fromkeys(["", *(check.world for check in checks)]):
        seed = number(f"{salt}/{student}/{question.id}/{name}") % 1_000_000
        cluster = start(question, question.world(name), values, seed if hidden else 0)
        said, printed = give(cluster, question, answer)
        cluster.settle(limit=question.seconds)
        if not name:
            problem, transcript = said, printed
            found = _misconceptions(question, cluster, values)
        for check in checks:
            if check.world == name:
                held_by_id[check.id] = _check(question, check, cluster.fork(), values)
    outcomes = tuple(held_by_id[check.id] for check in checks)
    closed = any(one.gate and not one.holds for one in outcomes)
    points = 0.0 if closed else sum(one.points for one in outcomes)
    wrong = points < total
    return Outcome(question.id, points, total, True, outcomes, problem, transcript, found if wrong else {})


def _check(question: Question, check: Check, cluster: Cluster, values: Drawer) -> Held:
    try:
        for step in steps_of(check, values):
            step.act(cluster)
    except (APIError, ValueError) as error:  # what the step is about is not there, or not in a state for it
        seen = [Seen(False, "step", {"error": str(error)})]
    else:
        seen = [condition.look(cluster) for condition in conditions_of(check, values)]
    failed = [one for one in seen if not one.holds]
    why = {}
    if failed and check.explain:
        try:
            explanation = cluster.explain(values(check.explain))
            why = {language: explanation.text(language) for language in ("en", "zh")}
        except (Mistake, APIError):
            why = {}
    return Held(
        check.id,
        not failed,
        check.points if not failed else 0.0,
        check.points,
        question.is_hidden(check),
        check.gate,
        {"en": check.says.en, "zh": check.says.zh},
        {language: tuple(one.text(language) for one in failed) for language in ("en", "zh")},
        why,
    )


def _unanswered(question: Question, check: Check) -> Held:
    says = {"en": check.says.en, "zh": check.says.zh}
    return Held(check.id, False, 0.0, check.points, question.is_hidden(check), check.gate, says, {}, {})


def _misconceptions(question: Question, cluster: Cluster, values: Drawer) -> dict[str, dict[str, str]]:
    found = {}
    for misconception in question.misconceptions:
        there = cluster.fork()
        if all(condition.look(there).holds for condition in conditions_of(misconception, values)):
            found[misconception.id] = {"en": misconception.says.en, "zh": misconception.says.zh}
    return found
