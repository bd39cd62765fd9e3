"""Whether a node is one that a pod spec asks for: name, nodeSelector, required node affinity."""

from __future__ import annotations

from k8snb.api.types.core_v1 import Node, NodeSelectorRequirement, NodeSelectorTerm, PodSpec


def selects(spec: PodSpec, node: Node) -> bool:
    """Whether nodeSelector and required node affinity allow the node."""
    labels = node.metadata.labels
    if any(labels.get(key) != value for key, value in spec.nodeSelector.items()):
        return False
    affinity = spec.affinity.nodeAffinity if spec.affinity is not None else None
    required = affinity.requiredDuringSchedulingIgnoredDuringExecution if affinity is not None else None
    return required is None or any(_term_matches(term, node) for term in required.nodeSelectorTerms)


def _term_matches(term: NodeSelectorTerm, node: Node) -> bool:
    """Whether a node meets all requirements of a term; a term without any matches no node."""
    if not term.matchExpressions and not term.matchFields:
        return False
    labels = node.metadata.labels
    fields = {"metadata.name": node.metadata.name or ""}
    return all(_meets(requirement, labels.get(requirement.key)) for requirement in term.matchExpressions) and all(
        _meets(requirement, fields.get(requirement.key)) for requirement in term.matchFields
    )


def _meets(requirement: NodeSelectorRequirement, value: str | None) -> bool:
    match requirement.operator:
        case "In":
            return value in requirement.values
        case "NotIn":
            return value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt":
            try:
                own, given = int(value or ""), int(requirement.values[0])
            except (ValueError, IndexError):
                return False
            return own > given if requirement.operator == "Gt" else own < given
        case _:
            return False
