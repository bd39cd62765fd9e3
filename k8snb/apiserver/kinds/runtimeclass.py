"""Runtime classes: the handler that runs a pod's containers, what it costs, where it exists."""

from __future__ import annotations

from k8snb.api.types import node_v1 as node
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import Path, invalid, required
from k8snb.apiserver.validation.metadata import Errors, immutable, labels
from k8snb.apiserver.validation.resources import container_resource_name, quantity
from k8snb.apiserver.validation.scheduling import tolerations

_HANDLER = Path("handler")
_OVERHEAD = Path("overhead") / "podFixed"
_SCHEDULING = Path("scheduling")


class RuntimeClassStrategy(Kind):
    """Decisions about runtime classes."""

    serves = (("node.k8s.io/v1", "RuntimeClass"),)
    allow_unconditional_update = False
    checks_as_new = True

    def check(self, obj: node.RuntimeClass, errors: Errors) -> None:
        """A handler that is a label, an overhead of resources, a node selector and tolerations."""
        if not obj.handler:
            errors.append(required(_HANDLER))
        else:
            errors += [invalid(_HANDLER, obj.handler, message) for message in names.dns_label(obj.handler)]
        if obj.overhead is not None:
            for name, amount in obj.overhead.podFixed.items():
                container_resource_name(name, _OVERHEAD[name], errors)
                quantity(name, amount, _OVERHEAD[name], errors)
        if obj.scheduling is not None:
            labels(obj.scheduling.nodeSelector, _SCHEDULING / "nodeSelector", errors)
            tolerations(obj.scheduling.tolerations, _SCHEDULING / "tolerations", errors)

    def check_update(self, new: node.RuntimeClass, old: node.RuntimeClass, errors: Errors) -> None:
        """The handler is for ever."""
        immutable(new.handler, old.handler, _HANDLER, errors)
