"""What the machines of a new cluster are like: from a number, names, mappings or ``NodeSpec`` to ``NodeSpec``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from k8snb.api import names, quantity
from k8snb.api.mistakes import BadType, BadValue, did_you_mean
from k8snb.node import NodeSpec
from k8snb.node.agent import taint_of

FIELDS = tuple(field.name for field in msgspec.structs.fields(NodeSpec))
EXAMPLE = 'Cluster(nodes=[{"name": "big", "cpu": "8", "memory": "32Gi"}])'


def node_specs(nodes: int | Iterable[NodeSpec | Mapping[str, Any] | str]) -> tuple[NodeSpec, ...]:
    """The nodes to make: ``worker-1`` to ``worker-N`` for a number; each is checked (``BadValue``, ``BadType``)."""
    if isinstance(nodes, bool) or not isinstance(nodes, int | Iterable) or isinstance(nodes, str | Mapping | NodeSpec):
        raise BadType(f"nodes is {nodes!r}: give a number, or a list of what each is like, as in {EXAMPLE}")
    if isinstance(nodes, int):
        if nodes < 0:
            raise BadValue(f"a cluster cannot have {nodes} nodes")
        return tuple(NodeSpec(f"worker-{i}") for i in range(1, nodes + 1))
    specs = tuple(node_spec(node) for node in nodes)
    known: set[str] = set()
    for spec in specs:
        if spec.name in known:
            raise BadValue(f"two nodes have the name {spec.name!r}: every node needs a name of its own")
        known.add(spec.name)
    return specs


def node_spec(node: NodeSpec | Mapping[str, Any] | str) -> NodeSpec:
    """One node, with a valid name and valid amounts; ``BadValue`` or ``BadType`` tells what is wrong."""
    if isinstance(node, str):
        node = {"name": node}
    if isinstance(node, Mapping):
        for key in node:
            if key not in FIELDS:
                hint = did_you_mean(str(key), FIELDS) or f": it has {', '.join(FIELDS)}"
                raise BadValue(f"a node has no {key!r}{hint}")
        if "name" not in node:
            raise BadValue(f"a node needs a name: {dict(node)!r} has none")
        name = node["name"]
        given = {
            k: str(v) if k in ("cpu", "memory", "storage") and isinstance(v, int | float) else v
            for k, v in node.items()
        }
        try:
            node = msgspec.convert(given, NodeSpec)
        except msgspec.ValidationError as error:
            raise BadValue(f"node {name!r}: {error}") from None
    if not isinstance(node, NodeSpec):
        raise BadType(f"{node!r} is no node: give a name, a mapping or a NodeSpec, as in {EXAMPLE}")
    wrong = names.dns1123_subdomain(node.name)
    if wrong:
        raise BadValue(f"a node cannot be called {node.name!r}: {wrong[0]}")
    for what in ("cpu", "memory", "storage"):
        amount = getattr(node, what)
        try:
            quantity.parse(amount)
        except ValueError:
            raise BadValue(
                f"node {node.name!r}: {what} {amount!r} is no amount: write something like 4, 500m or 16Gi"
            ) from None
    for taint in node.taints:
        taint_of(taint)
    return node
