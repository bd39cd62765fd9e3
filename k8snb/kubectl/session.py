"""What kubectl remembers between commands on one cluster: the namespace of its context.

It is kept by cluster, weakly: a cluster that is gone takes its namespace along; a fork starts from `default`.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

DEFAULT = "default"
_NAMESPACES: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


def namespace_of(cluster: Any) -> str:
    """The namespace that commands use when they name none."""
    return _NAMESPACES.get(cluster, DEFAULT)


def remember(cluster: Any, namespace: str) -> None:
    """Use another namespace from now on (`kubectl config set-context --current --namespace=NAME`)."""
    _NAMESPACES[cluster] = namespace
