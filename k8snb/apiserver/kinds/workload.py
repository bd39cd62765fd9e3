"""What Deployments, ReplicaSets, DaemonSets, StatefulSets and Jobs have in common: a spec with a pod template and a status."""

from __future__ import annotations

from typing import Any

from k8snb.apiserver.defaults.workloads import template_warnings
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.memo import IdentityMemo
from k8snb.apiserver.validation.metadata import Errors

_GOOD: IdentityMemo[bool] = IdentityMemo()


class Workload(Kind):
    """A kind with ``spec.template``; a spec that was found good is not looked at again.

    Subclasses override ``check_spec`` and ``check_status``.
    """

    has_status = True
    tracks_generation = True

    def check(self, obj: Any, errors: Errors) -> None:
        """The spec."""
        spec = obj.spec
        if _GOOD.get(spec):
            return
        before = len(errors)
        self.check_spec(spec, errors)
        if len(errors) == before:
            _GOOD.put(spec, True)

    def check_spec(self, spec: Any, errors: Errors) -> None:
        """Problems of a spec."""

    def warnings(self, obj: Any, old: Any = None) -> tuple[str, ...]:
        """Warnings about the pod template, when it is new or the generation changed."""
        if old is not None and obj.metadata.generation == old.metadata.generation:
            return ()
        return template_warnings(obj.spec.template)
