"""Pod disruption budgets: how many pods must stay, or how many may go."""

from __future__ import annotations

from k8snb.api.types import policy_v1 as policy
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.strategy import Context
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.conditions import conditions
from k8snb.apiserver.validation.field import SPEC, STATUS, FieldError, Path, invalid, not_supported
from k8snb.apiserver.validation.metadata import NEGATIVE, Errors, nonnegative, object_meta
from k8snb.apiserver.validation.selectors import label_selector

_POLICIES = ("AlwaysAllow", "IfHealthyBudget")


def count_or_percent(value: int | str | None, path: Path, errors: Errors) -> None:
    """A number that is not negative, or a percentage of at most a hundred."""
    if value is None:
        return
    if isinstance(value, str):
        messages = names.percent(value)
        errors += [invalid(path, value, message) for message in messages]
        if not messages and int(value[:-1]) > 100:
            errors.append(invalid(path, value, "must not be greater than 100%"))
    elif value < 0:
        errors.append(invalid(path, value, NEGATIVE))


class PodDisruptionBudgetStrategy(Kind):
    """Decisions about pod disruption budgets."""

    serves = (("policy/v1", "PodDisruptionBudget"),)
    has_status = True
    tracks_generation = True
    allow_unconditional_update = False

    def validate(self, obj: policy.PodDisruptionBudget, ctx: Context) -> list[FieldError]:
        """A new budget: its spec, and only then its name, which has to fit into a URL and no more."""
        errors: Errors = []
        self.check(obj, errors)
        if not errors:
            object_meta(obj.metadata, True, names.path_segment, errors, kube=False)
        return errors

    def validate_update(
        self, new: policy.PodDisruptionBudget, old: policy.PodDisruptionBudget, ctx: Context
    ) -> list[FieldError]:
        """A changed budget: its spec."""
        errors: Errors = []
        self.check(new, errors)
        return errors

    def validate_status_update(
        self, new: policy.PodDisruptionBudget, old: policy.PodDisruptionBudget, ctx: Context
    ) -> list[FieldError]:
        """A changed status."""
        errors: Errors = []
        self.check_status(new, old, errors)
        return errors

    def check(self, obj: policy.PodDisruptionBudget, errors: Errors) -> None:
        """One of the two numbers, a selector, a policy for pods that are not healthy."""
        spec = obj.spec
        if spec.minAvailable is not None and spec.maxUnavailable is not None:
            detail = "minAvailable and maxUnavailable cannot be both set"
            errors.append(invalid(SPEC, spec, detail))
        count_or_percent(spec.minAvailable, SPEC / "minAvailable", errors)
        count_or_percent(spec.maxUnavailable, SPEC / "maxUnavailable", errors)
        label_selector(spec.selector, SPEC / "selector", errors)
        if spec.unhealthyPodEvictionPolicy is not None and spec.unhealthyPodEvictionPolicy not in _POLICIES:
            path = SPEC / "unhealthyPodEvictionPolicy"
            errors.append(not_supported(path, spec.unhealthyPodEvictionPolicy, _POLICIES))

    def check_status(self, new: policy.PodDisruptionBudget, old: policy.PodDisruptionBudget, errors: Errors) -> None:
        """Conditions as they should be, counts that are not negative."""
        status = new.status
        conditions(status.conditions, STATUS / "conditions", errors)
        nonnegative(status.disruptionsAllowed, STATUS / "disruptionsAllowed", errors)
        nonnegative(status.currentHealthy, STATUS / "currentHealthy", errors)
        nonnegative(status.desiredHealthy, STATUS / "desiredHealthy", errors)
        nonnegative(status.expectedPods, STATUS / "expectedPods", errors)
