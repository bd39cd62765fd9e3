"""Client-side apply, as kubectl does it: remember what was applied in an annotation, send the three-way difference.

Used by `k8snb.verbs` (``cluster.apply``) and by `k8snb.kubectl`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from k8snb.api.request import MERGE_PATCH, STRATEGIC_MERGE_PATCH
from k8snb.api.schema import plan
from k8snb.api.scheme import Resource
from k8snb.apiserver.patch.threeway import three_way, three_way_merge
from k8snb.apiserver.patch.tree import Tree, sorted_text, thaw

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""The annotation in which kubectl keeps the configuration that was applied last."""


def last_applied(manifest: Mapping[str, Any]) -> Tree:
    """The manifest with the annotation that holds itself: JSON with sorted keys and a newline, as kubectl writes it."""
    bare: Tree = thaw(manifest)
    meta = bare.setdefault("metadata", {})
    annotations = dict(meta.get("annotations") or {})
    annotations.pop(LAST_APPLIED, None)
    meta["annotations"] = annotations
    text = sorted_text(bare)
    return {**bare, "metadata": {**meta, "annotations": {**annotations, LAST_APPLIED: text + "\n"}}}


def threeway_patch(
    resource: Resource, original: str | None, wanted: Mapping[str, Any], live: Mapping[str, Any]
) -> tuple[Tree, str]:
    """The patch from the live object to the wanted one, and its content type; an empty patch means nothing to do.

    `original` is the text of the last-applied annotation (None or unreadable: nothing is deleted), `wanted` carries the new
    annotation already.
    """
    try:
        before = json.loads(original) if original else {}
    except ValueError:
        before = {}
    if not isinstance(before, Mapping):
        before = {}
    if resource.custom:
        return three_way_merge(before, wanted, live), MERGE_PATCH
    return three_way(before, wanted, live, plan(resource.type)), STRATEGIC_MERGE_PATCH
