"""What the creating commands share: names, bodies, `key=value` words, and the flags of every one of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from k8snb.kubectl.call import DRY_RUN, PRINTING, VALIDATE, Call
from k8snb.kubectl.errors import KubectlError, usage
from k8snb.kubectl.flags import Flag

MANAGER = "kubectl-create"
Tree = dict[str, Any]
COMMON = (*PRINTING, DRY_RUN, VALIDATE, Flag("save-config", "switch", default=False), Flag("field-manager", default=""))


def only_name(call: Call, what: str) -> str:
    """The one argument; raises `KubectlError`."""
    if not call.args:
        raise usage(f"create {what}", "exactly one NAME is required, got 0")
    if len(call.args) > 1:
        raise usage(f"create {what}", f"exactly one NAME is required, got {len(call.args)}")
    return call.args[0]


def new_object(version: str, kind: str, name: str, **fields: Any) -> Tree:
    """The skeleton of an object."""
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **fields}


def pairs(words: Iterable[str], what: str) -> dict[str, str]:
    """`key=value` words as a map; raises `KubectlError`."""
    out = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise KubectlError(f"invalid {what} {word}, expected key=value")
        out[key] = value
    return out
