"""Label, node and toleration matching, compiled once per selector.

Semantics of ``labels.Selector``, ``component-helpers/nodeaffinity`` and ``component-helpers/.../helpers.go``: a missing
label selector matches nothing, an empty one everything; an empty node selector term matches nothing; ``Gt`` and ``Lt``
compare integers and never match a value that is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from k8snb.api.types.core_v1 import (
    Affinity,
    Node,
    NodeSelector,
    NodeSelectorTerm,
    Pod,
    Taint,
    Toleration,
)
from k8snb.api.types.meta_v1 import LabelSelector

Requirement: TypeAlias = tuple[str, str, tuple[str, ...]]
"""(key, operator, values)"""

_REMEMBERED = 4096
NO_SCHEDULE = "NoSchedule"
NO_EXECUTE = "NoExecute"
PREFER_NO_SCHEDULE = "PreferNoSchedule"


class Selector:
    """A conjunction of requirements on labels; ``nothing`` matches no labels at all."""

    __slots__ = ("nothing", "plain", "requirements")

    def __init__(self, requirements: Iterable[Requirement], nothing: bool = False) -> None:
        self.requirements = tuple(requirements)
        self.nothing = nothing
        self.plain = (
            {key: values[0] for key, _, values in self.requirements}
            if all(op == "In" and len(values) == 1 for _, op, values in self.requirements)
            and len({key for key, _, _ in self.requirements}) == len(self.requirements)
            else None
        )

    @property
    def empty(self) -> bool:
        """Whether it has no requirements, so that it matches everything."""
        return not self.requirements and not self.nothing

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels satisfy all requirements."""
        if self.nothing:
            return False
        if self.plain is not None:
            for key, value in self.plain.items():  # noqa: SIM110  # twice as fast as all(), and asked very often
                if labels.get(key) != value:
                    return False
            return True
        return all(satisfies(requirement, labels) for requirement in self.requirements)

    def key(self) -> tuple[Any, ...]:
        """A value that is equal for selectors which say the same in the same order."""
        return (self.nothing, self.requirements)

    def __deepcopy__(self, _memo: object) -> Selector:
        return self


NOTHING = Selector((), nothing=True)
EVERYTHING = Selector(())


def satisfies(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    """Whether labels satisfy one requirement."""
    key, operator, values = requirement
    value = labels.get(key)
    match operator:
        case "In":
            return value is not None and value in values
        case "NotIn":
            return value is None or value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt":
            if value is None or len(values) != 1:
                return False
            number, bound = _integer(value), _integer(values[0])
            if number is None or bound is None:
                return False
            return number > bound if operator == "Gt" else number < bound
    return False


def _integer(text: str) -> int | None:
    """A Go ``strconv.ParseInt(text, 10, 64)``: optional sign and digits, 64 bits; None when it is none."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit()):
        return None
    number = int(text)
    return number if -(1 << 63) <= number < (1 << 63) else None


_SELECTORS: dict[int, tuple[LabelSelector, Selector]] = {}


def label_selector(selector: LabelSelector | None) -> Selector:
    """Compile a ``LabelSelector``; None matches nothing, an empty one everything."""
    if selector is None:
        return NOTHING
    found = _SELECTORS.get(id(selector))
    if found is not None:
        return found[1]
    requirements: list[Requirement] = [(key, "In", (value,)) for key, value in selector.matchLabels.items()]
    requirements += [(e.key, e.operator, tuple(e.values)) for e in selector.matchExpressions]
    compiled = Selector(requirements)
    if len(_SELECTORS) >= _REMEMBERED:
        _SELECTORS.clear()
    _SELECTORS[id(selector)] = (selector, compiled)
    return compiled


def label_set(labels: Mapping[str, str]) -> Selector:
    """A selector for exactly these labels (``labels.Set.AsSelector``)."""
    return Selector((key, "In", (value,)) for key, value in sorted(labels.items()))


def term_is_empty(term: NodeSelectorTerm) -> bool:
    """Whether a node selector term says nothing, and therefore matches no node."""
    return not term.matchExpressions and not term.matchFields


def term_matches(term: NodeSelectorTerm, node: Node) -> bool:
    """Whether a node satisfies all expressions and fields of a term (an empty one is satisfied by none)."""
    if term_is_empty(term):
        return False
    labels = node.metadata.labels
    for expression in term.matchExpressions:
        if not satisfies((expression.key, expression.operator, expression.values), labels):
            return False
    fields = {"metadata.name": node.metadata.name or ""}
    return all(satisfies((f.key, f.operator, f.values), fields) for f in term.matchFields)


def node_selector_matches(selector: NodeSelector, node: Node) -> bool:
    """Whether a node satisfies any term."""
    return any(term_matches(term, node) for term in selector.nodeSelectorTerms)


def required_node_affinity(pod: Pod) -> NodeSelector | None:
    """The pod's ``requiredDuringSchedulingIgnoredDuringExecution`` node affinity."""
    affinity: Affinity | None = pod.spec.affinity
    if affinity is None or affinity.nodeAffinity is None:
        return None
    return affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution


def node_matches(pod: Pod, node: Node) -> bool:
    """Whether a node has what the pod's ``nodeSelector`` and required node affinity ask for."""
    if pod.spec.nodeSelector:
        labels = node.metadata.labels
        for key, value in pod.spec.nodeSelector.items():
            if labels.get(key) != value:
                return False
    required = required_node_affinity(pod)
    return required is None or node_selector_matches(required, node)


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Whether a toleration covers a taint (``Toleration.ToleratesTaint``)."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    match toleration.operator or "Equal":
        case "Equal":
            return (toleration.value or "") == (taint.value or "")
        case "Exists":
            return True
        case "Gt" | "Lt" as operator:
            number, bound = _integer(taint.value or ""), _integer(toleration.value or "")
            if number is None or bound is None:
                return False
            return number > bound if operator == "Gt" else number < bound
    return False


def tolerated(tolerations: Iterable[Toleration], taint: Taint) -> bool:
    """Whether any toleration covers the taint."""
    return any(tolerates(toleration, taint) for toleration in tolerations)


def untolerated(tolerations: Iterable[Toleration], taints: Iterable[Taint], effects: tuple[str, ...]) -> Taint | None:
    """The first taint of the given effects that no toleration covers."""
    for taint in taints:
        if taint.effect in effects and not tolerated(tolerations, taint):
            return taint
    return None
