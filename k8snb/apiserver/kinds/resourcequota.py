"""ResourceQuotas: whose scopes never change."""

from __future__ import annotations

from k8snb.api.types import core_v1 as core
from k8snb.apiserver.defaults.pods import changed
from k8snb.apiserver.defaults.resources import rounded
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.validation import quotas
from k8snb.apiserver.validation.field import SPEC, STATUS, Path, invalid, required
from k8snb.apiserver.validation.metadata import IMMUTABLE, Errors


class ResourceQuotaStrategy(Kind):
    """Decisions about resource quotas."""

    serves = (("v1", "ResourceQuota"),)
    has_status = True

    def default(self, obj: core.ResourceQuota) -> core.ResourceQuota:
        """Amounts in thousandths at the finest."""
        spec, status = obj.spec, obj.status
        return changed(
            obj,
            spec=changed(spec, hard=rounded(spec.hard)),
            status=changed(status, hard=rounded(status.hard), used=rounded(status.used)),
        )

    def check(self, obj: core.ResourceQuota, errors: Errors) -> None:
        """Amounts and scopes."""
        quotas.quota_spec(obj.spec, SPEC, errors)

    def check_update(self, new: core.ResourceQuota, old: core.ResourceQuota, errors: Errors) -> None:
        """The scopes stay."""
        self.check(new, errors)
        if set(new.spec.scopes) != set(old.spec.scopes):
            errors.append(invalid(SPEC / "scopes", new.spec.scopes, IMMUTABLE))

    def check_status(self, new: core.ResourceQuota, old: core.ResourceQuota, errors: Errors) -> None:
        """Amounts of things that can be counted."""
        if not new.metadata.resourceVersion:
            errors.append(required(Path("resourceVersion")))
        quotas.amounts(new.status.hard, STATUS / "hard", errors)
        quotas.amounts(new.status.used, STATUS / "used", errors)
