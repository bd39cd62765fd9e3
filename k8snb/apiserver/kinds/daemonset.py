"""DaemonSets: one pod per node, replaced one node at a time."""

from __future__ import annotations

from msgspec.structs import replace

from k8snb.api.frozen import FrozenDict
from k8snb.api.types import apps_v1 as apps
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.apiserver.defaults.pods import changed, template
from k8snb.apiserver.defaults.workloads import HISTORY_LIMIT, or_default, template_warnings
from k8snb.apiserver.kinds.workload import Workload
from k8snb.apiserver.strategy import Context
from k8snb.apiserver.validation import workloads
from k8snb.apiserver.validation.field import SPEC, STATUS, FieldError, Path, invalid, not_supported, required
from k8snb.apiserver.validation.metadata import Errors, immutable, nonnegative, object_meta, object_meta_update
from k8snb.apiserver.validation.selectors import is_empty, is_valid, label_selector

# Counts the changes of the template; a field once, an annotation in apps/v1.
_TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
_COUNTERS = (
    "currentNumberScheduled",
    "numberMisscheduled",
    "desiredNumberScheduled",
    "numberReady",
    "observedGeneration",
    "updatedNumberScheduled",
    "numberAvailable",
    "numberUnavailable",
    "collisionCount",
)


class DaemonSetStrategy(Workload):
    """Decisions about daemon sets."""

    serves = (("apps/v1", "DaemonSet"),)

    def default(self, obj: apps.DaemonSet) -> apps.DaemonSet:
        """Rolling updates, one node at a time."""
        spec = obj.spec
        new = changed(
            spec,
            updateStrategy=_strategy(spec.updateStrategy),
            revisionHistoryLimit=or_default(spec.revisionHistoryLimit, HISTORY_LIMIT),
            template=template(spec.template),
        )
        return obj if new is spec else replace(obj, spec=new)

    def prepare_for_create(self, obj: apps.DaemonSet, ctx: Context) -> apps.DaemonSet:
        """The first generation of the template."""
        obj = super().prepare_for_create(obj, ctx)
        return _with_generation(obj, max(_template_generation(obj.metadata), 1))

    def prepare_for_update(self, new: apps.DaemonSet, old: apps.DaemonSet, ctx: Context) -> apps.DaemonSet:
        """Count changes of the template separately."""
        new = super().prepare_for_update(new, old, ctx)
        before = _template_generation(old.metadata)
        return _with_generation(new, before + (new.spec.template != old.spec.template))

    def prepare_for_status_update(self, new: apps.DaemonSet, old: apps.DaemonSet, ctx: Context) -> apps.DaemonSet:
        """Keep the spec, to which the generation of the template belongs."""
        new = super().prepare_for_status_update(new, old, ctx)
        return _with_generation(new, _template_generation(old.metadata))

    def check_spec(self, spec: apps.DaemonSetSpec, errors: Errors) -> None:
        """Selector, template, update strategy."""
        selector, where = spec.selector, SPEC / "template"
        label_selector(selector, SPEC / "selector", errors)
        if selector is None or is_valid(selector):
            workloads.matches(selector, spec.template, where, errors)
        if selector is not None and is_empty(selector):
            errors.append(invalid(SPEC / "selector", selector, "empty selector is invalid for daemonset"))
        workloads.template(spec.template, where, errors)
        workloads.read_only_disks(spec.template.spec.volumes, where / "spec" / "volumes", errors)
        workloads.restart_always(spec.template, "DaemonSet", where, errors)
        nonnegative(spec.minReadySeconds, SPEC / "minReadySeconds", errors)
        _check_strategy(spec.updateStrategy, SPEC / "updateStrategy", errors)
        nonnegative(spec.revisionHistoryLimit, SPEC / "revisionHistoryLimit", errors)

    def validate_update(self, new: apps.DaemonSet, old: apps.DaemonSet, ctx: Context) -> list[FieldError]:
        """Everything of a new one, and the selector stays."""
        errors: Errors = []
        object_meta(new.metadata, True, self.name_rule, errors)
        problems: Errors = []
        self.check(new, problems)
        errors += problems
        object_meta_update(new.metadata, old.metadata, errors)
        errors += problems
        immutable(new.spec.selector, old.spec.selector, SPEC / "selector", errors)
        return errors

    def check_status(self, new: apps.DaemonSet, old: apps.DaemonSet, errors: Errors) -> None:
        """Counters that are not negative."""
        workloads.counters(new.status, _COUNTERS, errors)
        workloads.never_decremented(
            new.status.collisionCount, old.status.collisionCount, STATUS / "collisionCount", errors
        )

    def warnings(self, obj: apps.DaemonSet, old: apps.DaemonSet | None = None) -> tuple[str, ...]:
        """Those of the template, when it changed."""
        if old is not None and _template_generation(obj.metadata) == _template_generation(old.metadata):
            return ()
        return template_warnings(obj.spec.template)


def _template_generation(meta: ObjectMeta) -> int:
    try:
        return int(meta.annotations.get(_TEMPLATE_GENERATION, "0"))
    except ValueError:
        return 0


def _with_generation(obj: apps.DaemonSet, generation: int) -> apps.DaemonSet:
    text, annotations = str(generation), obj.metadata.annotations
    if annotations.get(_TEMPLATE_GENERATION) == text:
        return obj
    annotations = FrozenDict({**annotations, _TEMPLATE_GENERATION: text})
    return replace(obj, metadata=replace(obj.metadata, annotations=annotations))


def _strategy(value: apps.DaemonSetUpdateStrategy) -> apps.DaemonSetUpdateStrategy:
    kind, rolling = value.type or "RollingUpdate", value.rollingUpdate
    if kind == "RollingUpdate":
        rolling = rolling or apps.RollingUpdateDaemonSet()
        rolling = changed(
            rolling, maxUnavailable=or_default(rolling.maxUnavailable, 1), maxSurge=or_default(rolling.maxSurge, 0)
        )
    return changed(value, type=kind, rollingUpdate=rolling)


def _check_strategy(value: apps.DaemonSetUpdateStrategy, path: Path, errors: Errors) -> None:
    if value.type == "OnDelete":
        return
    if value.type != "RollingUpdate":
        errors.append(not_supported(path, value, ("RollingUpdate", "OnDelete")))
        return
    rolling, where = value.rollingUpdate, path / "rollingUpdate"
    if rolling is None:
        errors.append(required(where))
        return
    unavailable, surge = where / "maxUnavailable", where / "maxSurge"
    workloads.int_or_percent(rolling.maxUnavailable, unavailable, errors)
    workloads.int_or_percent(rolling.maxSurge, surge, errors)
    workloads.at_most_all(rolling.maxUnavailable, unavailable, errors)
    workloads.at_most_all(rolling.maxSurge, surge, errors)
    down, up = workloads.amount(rolling.maxUnavailable) != 0, workloads.amount(rolling.maxSurge) != 0
    if down and up:
        errors.append(invalid(surge, rolling.maxSurge, "may not be set when maxUnavailable is non-zero"))
    elif not down and not up:
        errors.append(required(unavailable, "cannot be 0 when maxSurge is 0"))
