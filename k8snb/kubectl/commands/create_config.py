"""`kubectl create namespace`, `configmap`, `secret`, `serviceaccount`, `token` and `quota`."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from k8snb.kubectl.call import Call, Command, Group
from k8snb.kubectl.commands.building import COMMON, MANAGER, new_object, only_name, pairs
from k8snb.kubectl.commands.make import create
from k8snb.kubectl.errors import KubectlError
from k8snb.kubectl.flags import Flag


def namespace(call: Call) -> int | None:
    """`create namespace NAME`."""
    create(call, new_object("v1", "Namespace", only_name(call, "namespace")), MANAGER)
    return None


def _files(call: Call) -> dict[str, bytes]:
    """The data of `--from-literal`, `--from-file` and `--from-env-file`."""
    out: dict[str, bytes] = {}
    for word in call.flag("from-literal"):
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise KubectlError(f"invalid literal source {word}, expected key=value")
        if key in out:
            raise KubectlError(f"cannot add key {key}, another key by that name already exists in Data for ConfigMap")
        out[key] = value.encode()
    for word in call.flag("from-file"):
        key, equals, path = word.partition("=")
        file = Path(path if equals else key)
        if not file.exists():
            raise KubectlError(f"error reading {file}: no such file or directory")
        if file.is_dir():
            for item in sorted(file.iterdir()):
                if item.is_file():
                    out[item.name] = item.read_bytes()
        else:
            out[key if equals else file.name] = file.read_bytes()
    for word in call.flag("from-env-file"):
        for line in Path(word).read_text().splitlines():
            text = line.strip()
            if text and not text.startswith("#"):
                key, _, value = text.partition("=")
                out[key] = value.encode()
    return out


def config_map(call: Call) -> int | None:
    """`create configmap NAME --from-literal=k=v …`."""
    body = new_object("v1", "ConfigMap", only_name(call, "configmap"))
    for key, value in _files(call).items():
        try:
            body.setdefault("data", {})[key] = value.decode()
        except UnicodeDecodeError:
            body.setdefault("binaryData", {})[key] = base64.b64encode(value).decode()
    create(call, body, MANAGER, failing="failed to create configmap")
    return None


def _secret(call: Call, kind: str, data: dict[str, bytes], what: str) -> None:
    body = new_object("v1", "Secret", only_name(call, what))
    if data:
        body["data"] = {key: base64.b64encode(value).decode() for key, value in data.items()}
    if kind:
        body["type"] = kind
    create(call, body, MANAGER, failing="failed to create secret")


def secret_generic(call: Call) -> int | None:
    """`create secret generic NAME …`."""
    _secret(call, str(call.flag("type") or ""), _files(call), "secret generic")
    return None


def secret_registry(call: Call) -> int | None:
    """`create secret docker-registry NAME …`."""
    user, password = str(call.flag("docker-username")), str(call.flag("docker-password"))
    entry = {"username": user, "password": password}
    if call.flag("docker-email"):
        entry["email"] = str(call.flag("docker-email"))
    entry["auth"] = base64.b64encode(f"{user}:{password}".encode()).decode()
    config = json.dumps({"auths": {str(call.flag("docker-server")): entry}}, separators=(",", ":"))
    _secret(call, "kubernetes.io/dockerconfigjson", {".dockerconfigjson": config.encode()}, "secret docker-registry")
    return None


def secret_tls(call: Call) -> int | None:
    """`create secret tls NAME --cert=… --key=…`."""
    data = {f"tls.{part}": Path(str(call.flag(flag))).read_bytes() for part, flag in (("crt", "cert"), ("key", "key"))}
    _secret(call, "kubernetes.io/tls", data, "secret tls")
    return None


def service_account(call: Call) -> int | None:
    """`create serviceaccount NAME`."""
    create(
        call,
        new_object("v1", "ServiceAccount", only_name(call, "serviceaccount")),
        MANAGER,
        failing="failed to create serviceaccount",
    )
    return None


def token(call: Call) -> int | None:
    """`create token SERVICEACCOUNT`."""
    name = only_name(call, "token")
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "metadata": {},
        "spec": {"audiences": list(call.flag("audience"))},
    }
    found = call.client.send(
        "create", call.client.core("serviceaccounts"), call.namespace, name, subresource="token", body=body
    ).object
    status: Any = getattr(found, "status", None)
    call.write(str(status.token))  # without a new line, as into a variable or a pipe
    return None


def quota(call: Call) -> int | None:
    """`create quota NAME --hard=cpu=1,…`."""
    body = new_object("v1", "ResourceQuota", only_name(call, "quota"), spec={})
    hard = pairs([word for word in str(call.flag("hard") or "").split(",") if word], "argument")
    if hard:
        body["spec"]["hard"] = hard
    if call.flag("scopes"):
        body["spec"]["scopes"] = str(call.flag("scopes")).split(",")
    create(call, body, MANAGER, failing="failed to create quota")
    return None


_SOURCES = (
    Flag("from-literal", "array"),
    Flag("from-file", "array"),
    Flag("from-env-file", "array"),
    Flag("append-hash", "switch", default=False),
)

SECRET_GROUP = Group(
    "secret",
    "Create a Secret",
    (
        Command("generic", "From files or literals", secret_generic, (*COMMON, *_SOURCES, Flag("type", default=""))),
        Command(
            "docker-registry",
            "For a registry",
            secret_registry,
            (
                *COMMON,
                *_SOURCES,
                Flag("docker-server", default="https://index.docker.io/v1/"),
                Flag("docker-username", default=""),
                Flag("docker-password", default=""),
                Flag("docker-email", default=""),
            ),
        ),
        Command("tls", "From a key pair", secret_tls, (*COMMON, Flag("cert", default=""), Flag("key", default=""))),
    ),
)

CONFIG = (
    Command("namespace", "Create a Namespace", namespace, COMMON, ("ns",)),
    Command("configmap", "Create a ConfigMap", config_map, (*COMMON, *_SOURCES), ("cm",)),
    SECRET_GROUP,
    Command("serviceaccount", "Create a ServiceAccount", service_account, COMMON, ("sa",)),
    Command(
        "token",
        "Ask for a ServiceAccount's token",
        token,
        (
            Flag("audience", "array"),
            Flag("duration", "duration", default=0.0),
            Flag("output", short="o", default=""),
        ),
    ),
    Command(
        "quota",
        "Create a ResourceQuota",
        quota,
        (*COMMON, Flag("hard", default=""), Flag("scopes", default="")),
        ("resourcequota",),
    ),
)
