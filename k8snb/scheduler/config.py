"""KubeSchedulerConfiguration: profiles, plugin sets and plugin arguments, as in the file of ``kube-scheduler --config``.

Profiles start from the default plugins; ``plugins.multiPoint`` changes what is enabled everywhere, the other sets what is
enabled at one extension point. Extenders (webhooks) are not modelled and refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from k8snb.api.decode import decode_manifests
from k8snb.api.gotext import quote
from k8snb.api.mistakes import BadType, NoSuchFile, did_you_mean
from k8snb.scheduler.framework import Handle, Plugin
from k8snb.scheduler.plugin_args import ARGS, ConfigurationError, number, only
from k8snb.scheduler.profile import DEFAULT_SCHEDULER, POINTS, Profile
from k8snb.scheduler.queue import INITIAL_BACKOFF, MAX_BACKOFF
from k8snb.scheduler.registry import IN_TREE, adopt

__all__ = ["Configuration", "ConfigurationError", "configuration"]

GROUP = "kubescheduler.config.k8s.io/v1"
KIND = "KubeSchedulerConfiguration"
ALL = "*"
"""In a ``disabled`` list: every default plugin."""
_TOP = (
    "apiVersion",
    "kind",
    "parallelism",
    "leaderElection",
    "clientConnection",
    "healthzBindAddress",
    "metricsBindAddress",
    "enableProfiling",
    "enableContentionProfiling",
    "delayCacheUntilActive",
    "percentageOfNodesToScore",
    "podInitialBackoffSeconds",
    "podMaxBackoffSeconds",
    "profiles",
    "extenders",
)


class _Problems:
    """Collects what is wrong in several places, so that all of it is told at once."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def __enter__(self) -> _Problems:
        return self

    def __exit__(self, _kind: object, error: object, _trace: object) -> bool:
        if isinstance(error, ConfigurationError):
            self.found += error.problems
            return True
        return False

    def tell(self) -> None:
        if self.found:
            raise ConfigurationError(*self.found)


class Configuration:
    """A checked configuration; call it with a handle to build its profiles.

    ``percentage_of_nodes_to_score`` 0 is adaptive; back-offs are seconds. ``more`` are further plugins by name, which a
    profile may enable; ``default_name`` the ``schedulerName`` of a profile that has none. Raises ``ConfigurationError``.
    """

    def __init__(
        self,
        config: Any,
        more: Mapping[str, Callable[[Handle], Plugin]] | None = None,
        default_name: str = DEFAULT_SCHEDULER,
    ) -> None:
        problems = _Problems()
        with problems:
            only(config, _TOP, "")
        if not isinstance(config, Mapping):
            problems.tell()
        with problems:
            _header(config)
        with problems:
            self.percentage_of_nodes_to_score = number(config, "percentageOfNodesToScore", 0, 0, 100)
        with problems:
            self.initial_backoff = float(number(config, "podInitialBackoffSeconds", int(INITIAL_BACKOFF), 1, 1 << 31))
            self.max_backoff = float(number(config, "podMaxBackoffSeconds", int(MAX_BACKOFF), 1, 1 << 31))
            if self.max_backoff < self.initial_backoff:
                raise ConfigurationError(
                    f"podMaxBackoffSeconds: Invalid value: {self.max_backoff:g}: must be greater than or equal to "
                    "podInitialBackoffSeconds"
                )
        self.more = dict(more or {})
        profiles: Sequence[Mapping[str, Any]] = config.get("profiles") or [{}]
        self.sets: list[_ProfileSet] = []
        with problems:
            if not isinstance(profiles, list | tuple):
                raise ConfigurationError(f"profiles: expected a list, got {profiles!r}")
            for i, profile in enumerate(profiles):
                with problems:
                    self.sets.append(_ProfileSet(profile, f"profiles[{i}]", self.more, default_name))
        names = [entry.name for entry in self.sets]
        for i, name in enumerate(names):
            if name in names[:i]:
                problems.found.append(f"profiles[{i}].schedulerName: Duplicate value: {quote(name)}")
        problems.tell()
        for name in self.more:
            if not any(name in entry.named for entry in self.sets):
                raise ConfigurationError(
                    f"profiles[0].plugins: the plugin {name} is registered, but no profile enables it: add "
                    f"multiPoint: {{enabled: [{{name: {name}}}]}}"
                )

    def __call__(self, handle: Handle) -> list[Profile]:
        """The profiles, with plugins of their own."""
        return [entry.build(handle, self.more) for entry in self.sets]


class _ProfileSet:
    """One profile of a configuration: which plugins at which point, and their arguments."""

    def __init__(self, profile: Any, path: str, more: Mapping[str, Any], default_name: str = DEFAULT_SCHEDULER) -> None:
        problems = _Problems()
        with problems:
            only(profile, ("schedulerName", "percentageOfNodesToScore", "plugins", "pluginConfig"), path)
        if not isinstance(profile, Mapping):
            problems.tell()
        self.name: str = profile.get("schedulerName") or default_name
        self.percentage: int | None = None
        with problems:
            if profile.get("percentageOfNodesToScore") is not None:
                self.percentage = number(profile, "percentageOfNodesToScore", 0, 0, 100, path)
        self.plugins: Mapping[str, Any] = profile.get("plugins") or {}
        known = dict.fromkeys([name for name, _, _ in IN_TREE] + list(more))
        self.named: set[str] = set()
        with problems:
            only(self.plugins, ("multiPoint", *POINTS), f"{path}.plugins")
        if isinstance(self.plugins, Mapping):
            for point, plugin_set in self.plugins.items():
                with problems:
                    self._check_set(plugin_set, f"{path}.plugins.{point}", known, problems)
        self.args: dict[str, dict[str, Any]] = {}
        for i, entry in enumerate(profile.get("pluginConfig") or ()):
            with problems:
                self._read_args(entry, f"{path}.pluginConfig[{i}]", more)
        problems.tell()

    def _check_set(self, plugin_set: Any, where: str, known: Mapping[str, None], problems: _Problems) -> None:
        only(plugin_set, ("enabled", "disabled"), where)
        for part in ("enabled", "disabled"):
            for i, entry in enumerate(plugin_set.get(part) or ()):
                place = f"{where}.{part}[{i}]"
                with problems:
                    only(entry, ("name", "weight"), place)
                    name = entry.get("name")
                    if name not in known and not (part == "disabled" and name == ALL):
                        raise ConfigurationError(
                            f"{place}.name: Not found: {quote(str(name))}: there is no such plugin"
                            f"{did_you_mean(str(name), known)}"
                        )
                    self.named.add(name)
                    if "weight" in entry:
                        number(entry, "weight", 0, 0, 1 << 31, place)

    def _read_args(self, entry: Any, where: str, more: Mapping[str, Any]) -> None:
        only(entry, ("name", "args"), where)
        name = entry.get("name")
        if name in self.args:
            raise ConfigurationError(f"{where}.name: Duplicate value: {quote(str(name))}")
        if name not in ARGS:
            known = {n for n, _, _ in IN_TREE} | more.keys()
            text = "takes no arguments" if name in known else f"does not exist{did_you_mean(str(name), known)}"
            raise ConfigurationError(f"{where}.name: Invalid value: {quote(str(name))}: the plugin {text}")
        given = entry.get("args") or {}
        if not isinstance(given, Mapping):
            raise ConfigurationError(f"{where}.args: expected a mapping, got {given!r}")
        plain = {k: v for k, v in given.items() if k not in ("apiVersion", "kind")}
        self.args[name] = ARGS[name](plain, f"{where}.args")

    def build(self, handle: Handle, more: Mapping[str, Callable[[Handle], Plugin]]) -> Profile:
        """The profile."""
        everywhere = _merged(self.plugins.get("multiPoint") or {})
        wanted = dict(everywhere)
        for point in POINTS:
            for entry in (self.plugins.get(point) or {}).get("enabled") or ():
                wanted.setdefault(entry["name"], 0)
        made: dict[str, Plugin] = {}
        for name, _, factory in IN_TREE:
            if name in wanted:
                made[name] = factory(handle, self.args.get(name, {}))
        for name, own in more.items():
            if name in wanted:
                made[name] = own(handle)
        ordered = [made[name] for name in wanted]
        enabled: dict[str, list[str]] = {}
        weights = {name: weight for name, weight in everywhere.items() if weight}
        for plugin in ordered:
            preferred = getattr(plugin, "weight", None)
            if plugin.name in more and isinstance(preferred, int):
                weights.setdefault(plugin.name, preferred)
        for point in POINTS:
            chosen = self.plugins.get(point) or {}
            names = [entry["name"] for entry in chosen.get("enabled") or ()]
            if point == "score":
                weights.update({e["name"]: e["weight"] for e in chosen.get("enabled") or () if e.get("weight")})
            disabled = {entry["name"] for entry in chosen.get("disabled") or ()}
            if ALL in disabled:
                enabled[point] = names
                continue
            overridden = [name for name in names if name in everywhere and name not in disabled]
            rest = [name for name in everywhere if name not in disabled and name not in names]
            enabled[point] = [*overridden, *rest, *(name for name in names if name not in overridden)]
        return adopt(Profile(ordered, weights, self.name, self.percentage, enabled))


def _merged(chosen: Mapping[str, Any]) -> dict[str, int]:
    """The default plugins, without what is disabled, with what is enabled: name -> weight, in order."""
    enabled = {entry["name"]: entry.get("weight") or 0 for entry in chosen.get("enabled") or ()}
    disabled = {entry["name"] for entry in chosen.get("disabled") or ()}
    found: dict[str, int] = {}
    if ALL not in disabled:
        for name, weight, _ in IN_TREE:
            if name not in disabled:
                found[name] = enabled.get(name, weight)
    for name, weight in enabled.items():
        found.setdefault(name, weight)
    return found


def _header(config: Mapping[str, Any]) -> None:
    if config.get("apiVersion", GROUP) != GROUP:
        raise ConfigurationError(
            f"apiVersion: Unsupported value: {quote(str(config['apiVersion']))}: supported values: {quote(GROUP)}"
        )
    if config.get("kind", KIND) != KIND:
        raise ConfigurationError(
            f"kind: Unsupported value: {quote(str(config['kind']))}: supported values: {quote(KIND)}"
        )
    if config.get("extenders"):
        raise ConfigurationError("extenders: webhooks are not modelled; write a plugin instead")


def configuration(
    source: Any,
    more: Mapping[str, Callable[[Handle], Plugin]] | None = None,
    default_name: str = DEFAULT_SCHEDULER,
) -> Configuration:
    """A configuration from YAML or JSON text, the path of a file, or a mapping; ``ConfigurationError`` names path and line."""
    if isinstance(source, Mapping):
        return Configuration(source, more, default_name)
    if not isinstance(source, str | bytes | os.PathLike):
        raise BadType(
            f"the scheduler's configuration is {source!r}: give YAML text, the path of a file, or a mapping of kind {KIND}"
        )
    filename = ""
    if isinstance(source, os.PathLike) or (isinstance(source, str) and "\n" not in source and ":" not in source):
        filename = str(source)
        if not Path(filename).is_file():
            raise NoSuchFile(f"{filename}: there is no such file (the current folder is {Path.cwd()})")
        source = Path(filename).read_bytes()
    documents = decode_manifests(source, filename, scheme=None)
    if len(documents) != 1:
        raise ConfigurationError(f"expected one {KIND}, found {len(documents)} documents")
    document = documents[0]

    def place(problem: str) -> str:
        line = document.line_of(_parts(problem.partition(": ")[0]))
        return f"{filename}, line {line}: " if filename else f"line {line}: "

    try:
        return Configuration(document.body, more, default_name)
    except ConfigurationError as error:
        raise ConfigurationError(*error.problems, place=place) from None


def _parts(path: str) -> tuple[str | int, ...]:
    """``profiles[0].plugins`` as its parts."""
    return tuple(int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", path))
