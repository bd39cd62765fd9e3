"""k8snb: a Kubernetes cluster that a class can see inside.

    from k8snb import Cluster
    cluster = Cluster(nodes=3)
    cluster.apply("web.yaml")
    cluster                      # the live map

In a notebook ``%load_ext k8snb`` adds ``%%apply`` and ``%kubectl``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from k8snb._version import __version__

if TYPE_CHECKING:
    from k8snb.controllers import IN_TREE
    from k8snb.explain import explain
    from k8snb.grading.practice import begin, check, hint
    from k8snb.locale import use as use_language
    from k8snb.moving import Steps
    from k8snb.node import NodeSpec
    from k8snb.notebook import Cluster, connect
    from k8snb.widgets.predict import predict

__all__ = [
    "IN_TREE",
    "Cluster",
    "NodeSpec",
    "Steps",
    "__version__",
    "begin",
    "check",
    "connect",
    "explain",
    "hint",
    "load_ipython_extension",
    "predict",
    "use_language",
]

_WHERE = {
    "Cluster": ("k8snb.notebook", "Cluster"),
    "begin": ("k8snb.grading.practice", "begin"),
    "check": ("k8snb.grading.practice", "check"),
    "hint": ("k8snb.grading.practice", "hint"),
    "IN_TREE": ("k8snb.controllers", "IN_TREE"),
    "NodeSpec": ("k8snb.node", "NodeSpec"),
    "Steps": ("k8snb.moving", "Steps"),
    "connect": ("k8snb.notebook", "connect"),
    "explain": ("k8snb.explain", "explain"),
    "predict": ("k8snb.widgets.predict", "predict"),
    "use_language": ("k8snb.locale", "use"),
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: ``import k8snb`` itself stays light."""
    if name not in _WHERE:
        raise AttributeError(f"module 'k8snb' has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _WHERE[name]
    value = getattr(import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext k8snb``: the magics ``%%apply`` and ``%kubectl``."""
    from k8snb.magics import load

    load(shell)
