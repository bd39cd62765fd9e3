"""ControllerRevisions: a snapshot that never changes, only its number."""

from __future__ import annotations

from k8snb.api.types import apps_v1 as apps
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.validation.field import Path, required
from k8snb.apiserver.validation.metadata import Errors, immutable, nonnegative, object_meta

_DATA = Path("data")


class ControllerRevisionStrategy(Kind):
    """Decisions about controller revisions."""

    serves = (("apps/v1", "ControllerRevision"),)

    def check(self, obj: apps.ControllerRevision, errors: Errors) -> None:
        """Data and number."""
        if obj.data is None:
            errors.append(required(_DATA, "data is mandatory"))
        nonnegative(obj.revision, Path("revision"), errors)

    def check_update(self, new: apps.ControllerRevision, old: apps.ControllerRevision, errors: Errors) -> None:
        """Everything of a new one, and the data stay."""
        object_meta(new.metadata, True, self.name_rule, errors)
        self.check(new, errors)
        immutable(new.data, old.data, _DATA, errors)
