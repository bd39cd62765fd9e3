"""PodTemplates: a template on its own."""

from __future__ import annotations

from k8snb.api.types import core_v1 as core
from k8snb.apiserver.defaults.pods import changed, template
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.validation import pod_warnings, workloads
from k8snb.apiserver.validation.field import Path
from k8snb.apiserver.validation.metadata import Errors

_TEMPLATE = Path("template")


class PodTemplateStrategy(Kind):
    """Decisions about pod templates."""

    serves = (("v1", "PodTemplate"),)
    tracks_generation = True

    def default(self, obj: core.PodTemplate) -> core.PodTemplate:
        """The defaults of the template."""
        return changed(obj, template=template(obj.template))

    def check(self, obj: core.PodTemplate, errors: Errors) -> None:
        """The template."""
        workloads.template(obj.template, _TEMPLATE, errors)

    def warnings(self, obj: core.PodTemplate, old: core.PodTemplate | None = None) -> tuple[str, ...]:
        """Those of the template, when it is new or changed."""
        if old is not None and obj.metadata.generation == old.metadata.generation:
            return ()
        return pod_warnings.template(obj.template, _TEMPLATE)
