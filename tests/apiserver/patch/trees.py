"""Random JSON trees, and random Deployments as trees, for the laws of patching."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NAMES = st.sampled_from(["a", "b", "c", "d/e", "f~g", ""])
SCALARS = st.one_of(st.booleans(), st.integers(-3, 3), st.sampled_from(["x", "y", ""]), st.just(1.5))
JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(SCALARS, st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)
OBJECTS = st.dictionaries(NAMES, JSON, max_size=4)
WITHOUT_NULLS: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)
PLAIN_OBJECTS = st.dictionaries(NAMES, WITHOUT_NULLS, max_size=4)


def _named(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """A list with unique names and some of the given fields."""
    item = st.fixed_dictionaries({"name": st.sampled_from(["p", "q", "r", "s"])}, optional=fields)
    return st.lists(item, max_size=3, unique_by=lambda found: str(found["name"]))


_TEXT = st.sampled_from(["1", "2", "3"])
ENV = _named(value=_TEXT)
PORTS = st.lists(
    st.fixed_dictionaries({"containerPort": st.integers(1, 3)}, optional={"name": _TEXT}),
    max_size=2,
    unique_by=lambda found: int(found["containerPort"]),
)
CONTAINERS = _named(image=_TEXT, env=ENV, args=st.lists(_TEXT, max_size=2), ports=PORTS)
LABELS = st.dictionaries(st.sampled_from(["a", "b", "c"]), _TEXT, max_size=2)
DEPLOYMENTS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "apiVersion": st.just("apps/v1"),
        "kind": st.just("Deployment"),
        "metadata": st.fixed_dictionaries(
            {"name": st.just("web")},
            optional={"labels": LABELS, "finalizers": st.lists(st.sampled_from("xyz"), max_size=2, unique=True)},
        ),
        "spec": st.fixed_dictionaries(
            {
                "template": st.fixed_dictionaries(
                    {"spec": st.fixed_dictionaries({}, optional={"containers": CONTAINERS, "nodeSelector": LABELS})}
                )
            },
            optional={"replicas": st.integers(0, 3), "paused": st.booleans()},
        ),
    }
)
