"""Secrets: text becomes base64, and well-known types have the keys that their readers need.

Left out: the X.509 part of the check that certificate and key of a TLS secret belong together (only their PEM form is looked at).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping

from msgspec.structs import replace

from k8snb.api import gojson
from k8snb.api.frozen import EMPTY, FrozenDict
from k8snb.api.types import core_v1 as core
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.kinds.configmap import LARGEST, decoded_size, immutable_data
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import METADATA, Path, invalid, reject, required, too_long
from k8snb.apiserver.validation.metadata import Errors, immutable, object_meta

_DATA = Path("data")
_ACCOUNT = "kubernetes.io/service-account.name"
_DOCKER = {
    "kubernetes.io/dockercfg": ".dockercfg",
    "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
}
_TLS = "kubernetes.io/tls"
_PEM = re.compile(rb"-----BEGIN ([^-\n]*)-----\r?\n.*?-----END \1-----", re.S)


class SecretStrategy(Kind):
    """Decisions about secrets."""

    serves = (("v1", "Secret"),)

    def default(self, obj: core.Secret) -> core.Secret:
        """Opaque; ``stringData`` overrides ``data``."""
        if obj.stringData:
            written = {key: base64.b64encode(text.encode()).decode() for key, text in obj.stringData.items()}
            obj = replace(obj, data=FrozenDict({**obj.data, **written}), stringData=EMPTY)
        return obj if obj.type else replace(obj, type="Opaque")

    def check(self, obj: core.Secret, errors: Errors) -> None:
        """Keys, size, and what the type asks for."""
        size = 0
        for key in sorted(obj.data):
            reject(errors, _DATA[key], key, names.config_key(key))
            size += decoded_size(obj.data[key])
        if size > LARGEST:
            errors.append(too_long(_DATA, LARGEST))
        _check_type(obj, errors)

    def check_update(self, new: core.Secret, old: core.Secret, errors: Errors) -> None:
        """The type stays; what an immutable one keeps; then everything of a new one."""
        immutable(new.type, old.type, Path("type"), errors)
        immutable_data(new, old, ("data",), errors)
        object_meta(new.metadata, True, self.name_rule, errors)
        self.check(new, errors)

    def warnings(self, obj: core.Secret, old: core.Secret | None = None) -> tuple[str, ...]:
        """A certificate and a key that cannot be read."""
        return _tls_warnings(obj.data) if obj.type == _TLS else ()


def _check_type(obj: core.Secret, errors: Errors) -> None:
    data, kind = obj.data, obj.type
    if kind == "kubernetes.io/service-account-token":
        if not obj.metadata.annotations.get(_ACCOUNT):
            errors.append(required((METADATA / "annotations")[_ACCOUNT]))
    elif kind in _DOCKER:
        _check_docker(data, _DOCKER[kind], errors)
    elif kind == "kubernetes.io/basic-auth":
        if "username" not in data and "password" not in data:
            errors.append(required(_DATA["username"]))
            errors.append(required(_DATA["password"]))
    elif kind == "kubernetes.io/ssh-auth":
        if not data.get("ssh-privatekey"):
            errors.append(required(_DATA["ssh-privatekey"]))
    elif kind == _TLS:
        errors += [required(_DATA[key]) for key in ("tls.crt", "tls.key") if key not in data]


def _check_docker(data: Mapping[str, str], key: str, errors: Errors) -> None:
    if key not in data:
        errors.append(required(_DATA[key]))
        return
    complaint = _not_an_object(_decoded(data[key]))
    if complaint:
        errors.append(invalid(_DATA[key], "<secret contents redacted>", complaint))


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return b""


def _not_an_object(text: bytes) -> str:
    try:
        tree = gojson.loads(text)
    except gojson.JsonError as error:
        return str(error)
    if tree is None or isinstance(tree, dict):
        return ""
    kind = (
        "string" if isinstance(tree, str) else "bool" if isinstance(tree, bool)
        else "array" if isinstance(tree, list) else "number"
    )  # fmt: skip
    return f"json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"


def _tls_warnings(data: Mapping[str, str]) -> tuple[str, ...]:
    for key, what in (("tls.crt", "certificate"), ("tls.key", "key")):
        blocks = [match[1].decode() for match in _PEM.finditer(_decoded(data.get(key, "")))]
        if not blocks:
            return (f"tls: failed to find any PEM data in {what} input",)
        good = [block for block in blocks if (block == "CERTIFICATE" if what == "certificate" else _is_key(block))]
        if good:
            continue
        if what == "key" and blocks == ["CERTIFICATE"]:
            return ("tls: found a certificate rather than a key in the PEM for the private key",)
        wanted = 'find "CERTIFICATE" PEM block' if what == "certificate" else (
            'find PEM block with type ending in "PRIVATE KEY"'
        )  # fmt: skip
        skipped = " ".join(blocks)
        return (
            f"tls: failed to {wanted} in {what} input after skipping PEM blocks of the following types: [{skipped}]",
        )
    return ()


def _is_key(block: str) -> bool:
    return block == "PRIVATE KEY" or block.endswith(" PRIVATE KEY")
