"""JSON Patch (RFC 6902) as the API server applies it.

The server uses evanphx/json-patch version 4, whose reading of the RFC is lenient: `replace` of a key that does not
exist adds it, `copy` of a missing key copies null, `test` of a missing key against null passes, negative array
indices count from the end, and a path need not start with a slash (its first component is skipped).
Called by `k8snb.apiserver.patch`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from k8snb.apiserver.patch.tree import Opened, Tree, open_map, same

LIMIT = 10_000
"""Operations that one patch may have (kube-apiserver's maxJSONPatchOperations)."""

_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII).fullmatch
_MISSING = object()

Container = dict[str, Any] | list[Any]


class DoesNotApply(Exception):
    """An operation of the patch cannot be carried out; the server answers 422 without saying which."""


def apply(document: Mapping[str, Any], operations: Sequence[Mapping[str, Any]]) -> Any:
    """The document after all operations, in order; the argument is left alone.

    `operations` are the decoded members of the patch. Raises `DoesNotApply` at the first one that fails.
    """
    root: list[Any] = [open_map(document)]
    for operation in operations:
        kind = operation.get("op")
        run = _OPERATIONS.get(kind) if isinstance(kind, str) else None
        if run is None:
            raise DoesNotApply(f"unexpected kind: {kind}")
        run(root, operation)
    return root[0]


def diff(old: Mapping[str, Any], new: Mapping[str, Any], path: str = "") -> list[Tree]:
    """Operations that turn `old` into `new`; lists that differ are replaced as a whole."""
    out: list[Tree] = []
    for key in old:
        if key not in new:
            out.append({"op": "remove", "path": f"{path}/{_encode(key)}"})
    for key, value in new.items():
        here = f"{path}/{_encode(key)}"
        if key not in old:
            out.append({"op": "add", "path": here, "value": value})
        elif isinstance(value, Mapping) and isinstance(old[key], Mapping):
            out.extend(diff(old[key], value, here))
        elif not same(old[key], value):
            out.append({"op": "replace", "path": here, "value": value})
    return out


def _encode(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _decode(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~") if "~" in part else part


def _text(operation: Mapping[str, Any], name: str) -> str:
    value = operation.get(name)
    if not isinstance(value, str):
        raise DoesNotApply(f"operation missing {name} field")
    return value


def _find(root: list[Any], path: str) -> tuple[Container, str]:
    """The container that holds the path's last part, opened for change, and that part."""
    parts = path.split("/")
    if len(parts) < 2:
        raise DoesNotApply(f"doc is missing path: {path!r}")
    here: Container = root[0]
    for part in parts[1:-1]:
        key = _decode(part)
        child = _get(here, key)
        if isinstance(child, Mapping):
            opened: Container = open_map(child)
        elif isinstance(child, list | tuple):
            opened = list(child)
        else:
            raise DoesNotApply(f"doc is missing path: {path!r}")
        if opened is not child:
            _set(here, key, opened)
        here = opened
    return here, _decode(parts[-1])


def _index(container: list[Any], key: str, size: int) -> int:
    if not _INTEGER(key):
        raise DoesNotApply(f"not an index: {key!r}")
    index = int(key)
    if index < 0:
        if index < -size:
            raise DoesNotApply(f"no such index: {key}")
        index += size
    return index


def _get(container: Container, key: str) -> Any:
    """The value at a key, None for a key that an object does not have."""
    if isinstance(container, dict):
        return container.get(key)
    index = _index(container, key, len(container))
    if index >= len(container):
        raise DoesNotApply(f"no such index: {key}")
    return container[index]


def _set(container: Container, key: str, value: Any) -> None:
    if isinstance(container, dict):
        container[key] = value
        return
    index = _index(container, key, len(container))
    if index >= len(container):
        raise DoesNotApply(f"no such index: {key}")
    container[index] = value


def _insert(container: Container, key: str, value: Any) -> None:
    if isinstance(container, dict):
        container[key] = value
    elif key == "-":
        container.append(value)
    else:
        index = _index(container, key, len(container) + 1)
        if index > len(container):
            raise DoesNotApply(f"no such index: {key}")
        container.insert(index, value)


def _delete(container: Container, key: str) -> None:
    if isinstance(container, dict):
        if container.pop(key, _MISSING) is _MISSING:
            raise DoesNotApply(f"unable to remove nonexistent key: {key}")
        return
    index = _index(container, key, len(container))
    if index >= len(container):
        raise DoesNotApply(f"no such index: {key}")
    del container[index]


def _add(root: list[Any], operation: Mapping[str, Any]) -> None:
    container, key = _find(root, _text(operation, "path"))
    _insert(container, key, operation.get("value"))


def _remove(root: list[Any], operation: Mapping[str, Any]) -> None:
    container, key = _find(root, _text(operation, "path"))
    _delete(container, key)


def _replace(root: list[Any], operation: Mapping[str, Any]) -> None:
    path = _text(operation, "path")
    value = operation.get("value")
    if path == "":
        if isinstance(value, Mapping):
            root[0] = Opened(value)
        elif isinstance(value, list):
            root[0] = list(value)
        else:
            raise DoesNotApply("replace operation value must be object or array")
        return
    container, key = _find(root, path)
    _get(container, key)
    _set(container, key, value)


def _move(root: list[Any], operation: Mapping[str, Any]) -> None:
    container, key = _find(root, _text(operation, "from"))
    value = _get(container, key)
    _delete(container, key)
    container, key = _find(root, _text(operation, "path"))
    _insert(container, key, value)


def _copy(root: list[Any], operation: Mapping[str, Any]) -> None:
    container, key = _find(root, _text(operation, "from"))
    value = _get(container, key)
    container, key = _find(root, _text(operation, "path"))
    _insert(container, key, deepcopy(value))


def _test(root: list[Any], operation: Mapping[str, Any]) -> None:
    path = _text(operation, "path")
    expected = operation.get("value")
    if path == "":
        found = root[0]
    else:
        container, key = _find(root, path)
        found = _get(container, key)
    if not same(found, expected):
        raise DoesNotApply(f"testing value {path} failed")


_OPERATIONS = {"add": _add, "remove": _remove, "replace": _replace, "move": _move, "copy": _copy, "test": _test}
