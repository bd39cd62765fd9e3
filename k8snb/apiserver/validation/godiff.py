"""Differences as the server shows them: a unified diff of the indented JSON of its internal types."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from k8snb.apiserver.validation.gojson import go_name, tree_of


def diff_of(old: Struct | Mapping[str, Any], new: Struct | Mapping[str, Any]) -> str:
    """The unified diff (three lines of context) without file names; "" when the two print alike."""
    before, after = (_indented(value).splitlines(keepends=True) for value in (old, new))
    return "".join(list(difflib.unified_diff(before, after, n=3))[2:])


def _indented(value: Struct | Mapping[str, Any]) -> str:
    tree = (
        {go_name(name): tree_of(item) for name, item in value.items()} if isinstance(value, Mapping) else tree_of(value)
    )
    return json.dumps(tree, ensure_ascii=False, indent=1) + "\n"
