"""What the kinds of storage.k8s.io check alike: provisioners and their parameters."""

from __future__ import annotations

from collections.abc import Mapping

from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import Path, invalid, reject, required, too_long
from k8snb.apiserver.validation.metadata import Errors

_MOST_PARAMETERS = 512
# 256 KiB for all keys and values of `parameters` together.
_PARAMETERS_LIMIT = 256 * 1024


def provisioner(value: str, path: Path, errors: Errors) -> None:
    """The name of a driver: a qualified name in any case; a bad one is shown in lower case."""
    if not value:
        errors.append(required(path))
        return
    reject(errors, path, value.lower(), names.qualified_name(value.lower()))


def parameters(value: Mapping[str, str], path: Path, errors: Errors, needed: bool = False) -> None:
    """What is handed to the driver; ``needed`` for at least one."""
    if len(value) > _MOST_PARAMETERS:
        errors.append(too_long(path, _MOST_PARAMETERS))
        return
    if "" in value:
        errors.append(invalid(path, "", "field can not be empty."))
    if sum(len(key.encode()) + len(text.encode()) for key, text in value.items()) > _PARAMETERS_LIMIT:
        errors.append(too_long(path, _PARAMETERS_LIMIT))
    if needed and not value:
        errors.append(required(path, "must contain at least one key/value pair"))
