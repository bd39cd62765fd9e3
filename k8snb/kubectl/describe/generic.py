"""Any object without a page of its own: its fields as headings and values."""

from __future__ import annotations

import re
from typing import Any

from k8snb.api.codec import to_dict
from k8snb.apiserver.tables.jsonpath import text_of
from k8snb.kubectl.describe.page import Page

_UPPER = {
    "uid": "UID",
    "api": "API",
    "url": "URL",
    "ip": "IP",
    "id": "ID",
    "tls": "TLS",
    "http": "HTTP",
    "json": "JSON",
}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[A-Z]")


def generic(page: Page, obj: Any) -> None:
    """An object of a kind that kubectl has no page for."""
    tree = to_dict(obj)
    page.head(obj)
    meta = dict(tree.get("metadata") or {})
    for name in ("name", "namespace", "labels", "annotations", "managedFields"):
        meta.pop(name, None)
    _fields(page, {**tree, "metadata": meta}, 0)
    page.events(obj)


def heading(name: str) -> str:
    """`creationTimestamp` as `Creation Timestamp`."""
    words = _WORDS.findall(name)
    if not words or "." in name or "/" in name:
        return name
    return " ".join(_UPPER.get(word.lower(), word[:1].upper() + word[1:]) for word in words)


def _fields(page: Page, tree: dict[str, Any], level: int) -> None:
    for name in sorted(tree):
        value = tree[name]
        title = heading(name)
        if isinstance(value, dict):
            page.line(f"{title}:", level)
            _fields(page, value, level + 1)
        elif isinstance(value, list | tuple):
            page.line(f"{title}:", level)
            for item in value:
                if isinstance(item, dict):
                    _fields(page, item, level + 1)
                else:
                    page.line(text_of(item), level + 1)
        else:
            page.line(f"{title}:\t{text_of(value)}", level)
