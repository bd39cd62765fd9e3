"""ConfigMaps: keys that can be file names, at most 1 MiB, and some that never change."""

from __future__ import annotations

from typing import Any

from k8snb.api.types import core_v1 as core
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import Path, forbidden, invalid, reject, too_long
from k8snb.apiserver.validation.metadata import Errors, object_meta

_DATA, _BINARY, _WHOLE = Path("data"), Path("binaryData"), Path("")
_KEPT = "field is immutable when `immutable` is set"
# 1 MiB for all values of a ConfigMap or a Secret together.
LARGEST = 1024 * 1024


class ConfigMapStrategy(Kind):
    """Decisions about config maps."""

    serves = (("v1", "ConfigMap"),)

    def check(self, obj: core.ConfigMap, errors: Errors) -> None:
        """Keys and size."""
        size = 0
        for key in sorted(obj.data):
            reject(errors, _DATA[key], key, names.config_key(key))
            if key in obj.binaryData:
                errors.append(invalid(_DATA[key], key, "duplicate of key present in binaryData"))
            size += _bytes(obj.data[key])
        for key in sorted(obj.binaryData):
            reject(errors, _BINARY[key], key, names.config_key(key))
            size += decoded_size(obj.binaryData[key])
        if size > LARGEST:
            errors.append(too_long(_WHOLE, LARGEST))

    def check_update(self, new: core.ConfigMap, old: core.ConfigMap, errors: Errors) -> None:
        """What an immutable one keeps, then everything of a new one."""
        immutable_data(new, old, ("data", "binaryData"), errors)
        object_meta(new.metadata, True, self.name_rule, errors)
        self.check(new, errors)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def decoded_size(text: str) -> int:
    """Bytes of a value that is written in base64."""
    return len(text) * 3 // 4 - text.count("=", max(len(text) - 2, 0))


def immutable_data(new: Any, old: Any, fields: tuple[str, ...], errors: Errors) -> None:
    """With ``immutable: true`` neither that nor the data change."""
    if not old.immutable:
        return
    if not new.immutable:
        errors.append(forbidden(Path("immutable"), _KEPT))
    for name in fields:
        if getattr(new, name) != getattr(old, name):
            errors.append(forbidden(Path(name), _KEPT))
