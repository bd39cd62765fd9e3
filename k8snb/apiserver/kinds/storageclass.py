"""Storage classes: who provisions volumes, with which parameters, and when."""

from __future__ import annotations

from k8snb.api.types import core_v1 as core
from k8snb.api.types import storage_v1 as storage
from k8snb.apiserver.defaults.pods import changed
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.validation.field import Path, duplicate, not_supported, required
from k8snb.apiserver.validation.metadata import Errors, immutable
from k8snb.apiserver.validation.pod_warnings import node_selector_term
from k8snb.apiserver.validation.selectors import label_name
from k8snb.apiserver.validation.storage import parameters, provisioner

_RECLAIM = ("Delete", "Retain")
_BINDING = ("Immediate", "WaitForFirstConsumer")
_TOPOLOGIES = Path("allowedTopologies")
_FIXED = ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode")


class StorageClassStrategy(Kind):
    """Decisions about storage classes."""

    serves = (("storage.k8s.io/v1", "StorageClass"),)
    checks_as_new = True

    def default(self, obj: storage.StorageClass) -> storage.StorageClass:
        """Volumes go with their claims and are made as soon as they are claimed."""
        return changed(
            obj,
            reclaimPolicy="Delete" if obj.reclaimPolicy is None else obj.reclaimPolicy,
            volumeBindingMode="Immediate" if obj.volumeBindingMode is None else obj.volumeBindingMode,
        )

    def check(self, obj: storage.StorageClass, errors: Errors) -> None:
        """Provisioner, parameters, policies, topologies."""
        provisioner(obj.provisioner, Path("provisioner"), errors)
        parameters(obj.parameters, Path("parameters"), errors)
        if obj.reclaimPolicy and obj.reclaimPolicy not in _RECLAIM:
            errors.append(not_supported(Path("reclaimPolicy"), obj.reclaimPolicy, _RECLAIM))
        if obj.volumeBindingMode not in _BINDING:
            errors.append(not_supported(Path("volumeBindingMode"), obj.volumeBindingMode or "", _BINDING))
        seen: list[dict[str, frozenset[str]]] = [{} for _ in obj.allowedTopologies]
        for index, term in enumerate(obj.allowedTopologies):
            found = _term(term, _TOPOLOGIES[index], errors)
            errors += [duplicate(_TOPOLOGIES[index] / "matchLabelExpressions", "") for other in seen if other == found]
            seen.append(found)

    def check_update(self, new: storage.StorageClass, old: storage.StorageClass, errors: Errors) -> None:
        """Volumes were made by what the class says, so it stays."""
        for name in _FIXED:
            immutable(getattr(new, name), getattr(old, name), Path(name), errors)

    def warnings(self, obj: storage.StorageClass, old: storage.StorageClass | None = None) -> tuple[str, ...]:
        """Labels of nodes that are going out of use."""
        texts: list[str] = []
        for index, term in enumerate(obj.allowedTopologies):
            asked = core.NodeSelectorTerm(
                matchExpressions=tuple(
                    core.NodeSelectorRequirement(key=item.key, operator="In", values=item.values)
                    for item in term.matchLabelExpressions
                )
            )
            texts += [
                text.replace(".matchExpressions[", ".matchLabelExpressions[")
                for text in node_selector_term(asked, _TOPOLOGIES[index], check_values=False)
            ]
        return tuple(texts)


def _term(term: core.TopologySelectorTerm, path: Path, errors: Errors) -> dict[str, frozenset[str]]:
    """Check one term; what it asks for, by key."""
    found: dict[str, frozenset[str]] = {}
    for index, item in enumerate(term.matchLabelExpressions):
        where = (path / "matchLabelExpressions")[index]
        values: dict[str, None] = {}
        if not item.values:
            errors.append(required(where / "values"))
        for number, value in enumerate(item.values):
            if value in values:
                errors.append(duplicate((where / "values")[number], value))
            values[value] = None
        label_name(item.key, where / "key", errors)
        if item.key in found:
            errors.append(duplicate(where / "key", item.key))
        found[item.key] = frozenset(values)
    return found
