"""Plugins of a class's own: registered by class or object, checked when they are, guarded when they run.

A student's plugin runs inside the scheduler, where an exception would stop the whole cluster and show the student nothing
but internals. So each method of a plugin from elsewhere is called through a ``Guard``, which turns an exception, or an
answer of the wrong type, into the framework's own kind of failure: the attempt ends with the error that kube-scheduler
would report, the pod backs off and is tried again, everything else goes on. Plugins of this package are not guarded.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from k8snb.api.mistakes import BadType, BadValue
from k8snb.scheduler.framework import (
    MAX_NODE_SCORE,
    MIN_NODE_SCORE,
    Handle,
    Plugin,
    PostFilterResult,
    PreFilterResult,
    ScorePlugin,
    Status,
    error,
    unresolvable,
)
from k8snb.scheduler.profile import DEFAULT_SCHEDULER, SchedulingError, invalid_score

Factory = Callable[[Handle], Plugin]
_IN_TREE = "k8snb.scheduler.plugins."
_EXAMPLE = "scheduler_plugins=[MyPlugin]"
CALLED_WITH: Mapping[str, tuple[str, ...]] = {
    "pre_enqueue": ("pod",),
    "sort_key": ("queued",),
    "pre_filter": ("state", "pod"),
    "add_pod": ("state", "pod", "added", "node"),
    "remove_pod": ("state", "pod", "removed", "node"),
    "filter": ("state", "pod", "node"),
    "post_filter": ("state", "pod", "diagnosis"),
    "pre_score": ("state", "pod", "nodes"),
    "score": ("state", "pod", "node"),
    "normalise": ("state", "pod", "nodes", "scores"),
    "reserve": ("state", "pod", "node"),
    "unreserve": ("state", "pod", "node"),
    "permit": ("state", "pod", "node"),
    "pre_bind": ("state", "pod", "node"),
    "ready": ("state", "pod", "node"),
    "bind": ("state", "pod", "node"),
    "post_bind": ("state", "pod", "node"),
}
"""Every method of every extension point, and what it is called with."""


def given_plugins(given: Any) -> tuple[Any, ...]:
    """The plugins that were given, as a tuple; ``BadType`` for a single one, or something else that is no list."""
    if isinstance(given, type | Plugin | str | Mapping) or not isinstance(given, Iterable):
        raise BadType(f"the plugins are {given!r}: give a list of plugin classes or objects, as in {_EXAMPLE}")
    return tuple(given)


def factories(given: Iterable[Any]) -> dict[str, Factory]:
    """Name -> how it is made, for plugins given as classes or objects; a plugin without a name is named after its class.

    Raises ``BadType`` or ``BadValue`` for what is no plugin, lacks a method, takes other arguments than it is called with,
    or has the name of another one.
    """
    found: dict[str, Factory] = {}
    for one in given_plugins(given):
        kind = one if isinstance(one, type) else type(one)
        if not issubclass(kind, Plugin):
            raise BadType(
                f"{one!r} is no scheduler plugin: write a class that inherits from FilterPlugin, ScorePlugin or another "
                f"extension point of k8snb.scheduler, as in {_EXAMPLE}"
            )
        missing = sorted(getattr(kind, "__abstractmethods__", ()))
        if missing:
            method = missing[0]
            signature = ", ".join(("self", *CALLED_WITH.get(method, ())))
            raise BadType(f"the plugin {kind.__name__} has no method {method}: write def {method}({signature})")
        if kind.__bases__ == (Plugin,) or not any(hasattr(kind, method) for method in CALLED_WITH):
            raise BadType(
                f"the plugin {kind.__name__} has no extension point: inherit from FilterPlugin or ScorePlugin"
            )
        _check_arguments(kind)
        name = one.name or kind.__name__
        if name in found:
            raise BadValue(f"two plugins are named {name!r}: give one of them another name")
        found[name] = _Maker(one, name)
    return found


def _check_arguments(kind: type[Plugin]) -> None:
    for method, names in CALLED_WITH.items():
        function = getattr(kind, method, None)
        if function is None:
            continue
        try:
            inspect.signature(function).bind(None, *names)
        except TypeError:
            expected = ", ".join(("self", *names))
            taken = ", ".join(inspect.signature(function).parameters)
            raise BadType(f"{kind.__name__}.{method} takes ({taken}); it is called with ({expected})") from None


class _Maker:
    """Makes one plugin for one scheduler: a class anew, with the handle if it takes one; an object is used as it is."""

    def __init__(self, given: Any, name: str) -> None:
        self.given = given
        self.name = name

    def __call__(self, handle: Handle) -> Plugin:
        made = self.given
        if isinstance(made, type):
            try:
                takes = bool(inspect.signature(made).parameters)
                made = made(handle) if takes else made()
            except Exception as failure:
                raise BadValue(f"the plugin {self.name} cannot be made: {told(failure)}") from None
        if not made.name:
            made.name = self.name
        return guarded(made)


def guarded(plugin: Plugin) -> Plugin:
    """The plugin with a guard before each of its methods; one of this package as it is."""
    if type(plugin).__module__.startswith(_IN_TREE):
        return plugin
    for method in CALLED_WITH:
        if hasattr(type(plugin), method) and not isinstance(plugin.__dict__.get(method), Guard):
            setattr(plugin, method, Guard(plugin, method))
    return plugin


class Guard:
    """Calls one method of a plugin and checks its answer."""

    def __init__(self, plugin: Plugin, method: str) -> None:
        self.plugin = plugin
        self.method = method

    def __call__(self, *args: Any) -> Any:
        try:
            answer = getattr(type(self.plugin), self.method)(self.plugin, *args)
        except Exception as failure:
            return self._failed(told(failure), args)
        wrong = _CHECKS[self.method](answer, args)
        if wrong:
            return self._failed(f"{self.method} returned {_brief(answer)}: {wrong}", args)
        return self._good(answer, args)

    def _good(self, answer: Any, args: Sequence[Any]) -> Any:
        name = self.plugin.name
        if self.method == "filter" and answer is not None and not answer.rejected:
            raise SchedulingError(f'running "{name}" filter plugin: {answer.message or answer.code}')
        plain = self.method == "score" and type(self.plugin).normalise is ScorePlugin.normalise  # type: ignore[attr-defined]
        if plain and not MIN_NODE_SCORE <= answer <= MAX_NODE_SCORE:
            raise SchedulingError(invalid_score(name, answer))
        if self.method == "pre_bind":
            return tuple(answer)
        if self.method == "ready":
            failed = args[0].data.get(self._key)
            return (error(failed), 0.0) if failed else answer
        return answer

    @property
    def _key(self) -> str:
        return f"{self.plugin.name}/failed"

    def _failed(self, message: str, args: Sequence[Any]) -> Any:
        name = self.plugin.name
        match self.method:
            case "pre_enqueue":
                return unresolvable(f'running PreEnqueue plugin "{name}": {message}')
            case "sort_key":
                return (0.0,)  # by arrival: a queue that cannot be ordered would stop the cluster
            case "pre_filter":
                return error(message)
            case "filter":
                raise SchedulingError(f'running "{name}" filter plugin: {message}')
            case "post_filter":
                return None, error(message)
            case "pre_score":
                return error(message)
            case "score":
                raise SchedulingError(f'running Score plugins: plugin "{name}" failed with: {message}')
            case "normalise":
                raise SchedulingError(f'running Normalize on Score plugins: plugin "{name}" failed with: {message}')
            case "reserve":
                return error(f'running Reserve plugin "{name}": {message}')
            case "permit":
                return error(f'running Permit plugin "{name}": {message}')
            case "pre_bind":
                args[0].data[self._key] = message
                return ()
            case "ready":
                return error(message), 0.0
            case "add_pod" | "remove_pod":
                raise SchedulingError(f'running {self.method} on plugin "{name}": {message}')
        return None  # unreserve, bind and post_bind have nothing to answer

    def __repr__(self) -> str:
        return f"<{self.plugin.name}.{self.method}, guarded>"


def told(failure: Exception) -> str:
    """An exception in a line: its type, what it says, and the line of the plugin where it happened."""
    place = ""
    trace = failure.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename != __file__ and not place:
            place = f" (line {trace.tb_lineno} in {trace.tb_frame.f_code.co_name})"
        trace = trace.tb_next
    return f"{type(failure).__name__}: {failure}{place}"


def _brief(answer: Any) -> str:
    text = repr(answer)
    return text if len(text) <= 60 else text[:59] + "…"


def _status(answer: Any, _args: Sequence[Any]) -> str:
    if answer is None or isinstance(answer, Status):
        return ""
    return 'return None for yes, or unschedulable("why not")'


def _pre_filter(answer: Any, _args: Sequence[Any]) -> str:
    if answer is None or isinstance(answer, Status | PreFilterResult):
        return ""
    return 'return None for all nodes, PreFilterResult(names), or unschedulable("why not")'


def _score(answer: Any, _args: Sequence[Any]) -> str:
    if isinstance(answer, int) and not isinstance(answer, bool):
        return ""
    return f"return a whole number from {MIN_NODE_SCORE} to {MAX_NODE_SCORE}"


def _scores(answer: Any, args: Sequence[Any]) -> str:
    count = len(args[2])
    if isinstance(answer, list | tuple) and len(answer) == count and not any(_score(one, ()) for one in answer):
        return ""
    return f"return a list of {count} whole numbers from {MIN_NODE_SCORE} to {MAX_NODE_SCORE}, one for each node"


def _post_filter(answer: Any, _args: Sequence[Any]) -> str:
    good = (
        isinstance(answer, tuple)
        and len(answer) == 2
        and (answer[0] is None or isinstance(answer[0], PostFilterResult))
        and (answer[1] is None or isinstance(answer[1], Status))
    )
    return "" if good else "return (PostFilterResult or None, Status or None)"


def _sort_key(answer: Any, _args: Sequence[Any]) -> str:
    good = isinstance(answer, tuple) and all(isinstance(part, int | float) for part in answer)
    return "" if good else "return a tuple of numbers"


def _calls(answer: Any, _args: Sequence[Any]) -> str:
    return "" if isinstance(answer, Iterable) and not isinstance(answer, str) else "return a list of API calls"


def _anything(_answer: Any, _args: Sequence[Any]) -> str:
    return ""


def _ready(answer: Any, _args: Sequence[Any]) -> str:
    good = isinstance(answer, tuple) and len(answer) == 2 and (answer[0] is None or isinstance(answer[0], Status))
    return "" if good else "return (None or a Status, seconds)"


_CHECKS: Mapping[str, Callable[[Any, Sequence[Any]], str]] = {
    "pre_enqueue": _status,
    "sort_key": _sort_key,
    "pre_filter": _pre_filter,
    "add_pod": _anything,
    "remove_pod": _anything,
    "filter": _status,
    "post_filter": _post_filter,
    "pre_score": _status,
    "score": _score,
    "normalise": _scores,
    "reserve": _status,
    "unreserve": _anything,
    "permit": _status,
    "pre_bind": _calls,
    "ready": _ready,
    "bind": _anything,
    "post_bind": _anything,
}


class WithOwn:
    """Builds the default profile with plugins of one's own at its end, for clusters without a configuration."""

    def __init__(self, more: Mapping[str, Factory], name: str = DEFAULT_SCHEDULER) -> None:
        self.more = dict(more)
        self.name = name

    def __call__(self, handle: Handle) -> Sequence[Any]:
        from k8snb.scheduler.registry import default_profile

        made = tuple(make(handle) for make in self.more.values())
        profile = default_profile(handle, self.name, more=made)
        for plugin in made:
            weight = getattr(plugin, "weight", None)
            if isinstance(plugin, ScorePlugin) and isinstance(weight, int):
                profile.weights[plugin.name] = weight
        return [profile]
