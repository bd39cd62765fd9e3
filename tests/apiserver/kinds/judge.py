"""Short forms for tables of manifests and of what is wrong with them."""

from __future__ import annotations

from typing import Any

from k8snb.api.codec import to_dict
from k8snb.api.errors import APIError
from tests.apiserver.rig import Rig

Tree = dict[str, Any]


def problems(kind: str, body: Tree) -> list[str]:
    """What the server has against a new object, one line per cause ("field: message"); [] when it is accepted."""
    rig = Rig()
    try:
        rig.create(kind, {"metadata": {"name": "x"}, **body})
    except APIError as error:
        return causes(error)
    return []


def changed(kind: str, body: Tree, patch: Tree, subresource: str = "") -> list[str]:
    """What the server has against a merge patch of an object that it took."""
    rig = Rig()
    made = rig.create(kind, {"metadata": {"name": "x"}, **body})
    try:
        rig.patch(kind, made.metadata.name, patch, subresource=subresource)
    except APIError as error:
        return causes(error)
    return []


def causes(error: APIError) -> list[str]:
    """The causes of a 422 without repetitions."""
    assert error.code == 422, error.message
    details = error.status.details
    assert details is not None
    return list(dict.fromkeys(f"{cause.field}: {cause.message}" for cause in details.causes))


def stored(kind: str, body: Tree) -> Tree:
    """The new object as the server shows it, without its metadata."""
    tree = to_dict(Rig().create(kind, {"metadata": {"name": "x"}, **body}))
    return {key: item for key, item in tree.items() if key not in ("apiVersion", "kind", "metadata")}
