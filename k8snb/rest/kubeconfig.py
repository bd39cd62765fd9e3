"""kubeconfig files: written for those who may use a served cluster, and read by ``connect``."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import msgspec
import yaml

from k8snb.api.mistakes import BadValue, NoSuchFile
from k8snb.rest.certificates import KeyPair

NAME = "k8snb"
"""What the cluster and its context are called in a kubeconfig of ours."""


def config(url: str, authority: bytes, user: str, pair: KeyPair, namespace: str = "default") -> dict[str, Any]:
    """A kubeconfig with one cluster, one user (by client certificate) and one context."""

    def data(pem: bytes) -> str:
        return base64.b64encode(pem).decode()

    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": NAME, "cluster": {"server": url, "certificate-authority-data": data(authority)}}],
        "users": [
            {
                "name": user,
                "user": {"client-certificate-data": data(pair.certificate), "client-key-data": data(pair.key)},
            }
        ],
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": user, "namespace": namespace}}],
        "current-context": NAME,
    }


def write(path: Path, content: dict[str, Any]) -> Path:
    """Write a kubeconfig that only its owner can read (0600).

    ``BadValue`` when there is a kubeconfig at that path that this package did not write: it would be lost.
    """
    path = path.expanduser().absolute()
    if path.exists() and not _ours(path):
        raise BadValue(
            f"{path} is there already and was not written by k8snb: name another file, or move it out of the way"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.chmod(beside, 0o600)
        yaml.safe_dump(content, file, sort_keys=False)
    os.replace(beside, path)
    return path


def _ours(path: Path) -> bool:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        return [cluster["name"] for cluster in found["clusters"]] == [NAME]
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError):
        return False


class Access(msgspec.Struct, frozen=True):
    """What a kubeconfig says about its current (or a named) context; the credentials as PEM or text.

    ``verify`` False means that the file says ``insecure-skip-tls-verify``.
    """

    server: str
    namespace: str = "default"
    authority: bytes = b""
    verify: bool = True
    certificate: bytes = b""
    key: bytes = b""
    token: str = ""
    user: str = ""
    name: str = ""


def read(path: Path | None = None, context: str | None = None) -> Access:
    """Read a kubeconfig: ``path``, else ``$KUBECONFIG``, else ``~/.kube/config``.

    ``NoSuchFile`` when it is not there, ``BadValue`` when it cannot be used: it names no such context or cluster, or its
    user logs in through a program (``exec``, ``auth-provider``), which is never started from here.
    """
    if path is None:
        named = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
        path = Path(named) if named else Path("~/.kube/config")
    path = path.expanduser()
    if not path.is_file():
        raise NoSuchFile(f"{path}: there is no kubeconfig; name one, or set KUBECONFIG")
    try:
        whole = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadValue(f"{path} is no kubeconfig: {error}") from None
    if not isinstance(whole, dict):
        raise BadValue(f"{path} is no kubeconfig: it holds no mapping")
    wanted = context or whole.get("current-context") or ""
    if not wanted:
        raise BadValue(f"{path} has no current-context: say which, as in connect(context=…)")
    found = _named(whole, "contexts", "context", wanted, path)
    cluster = _named(whole, "clusters", "cluster", found.get("cluster", ""), path)
    user = _named(whole, "users", "user", found["user"], path) if found.get("user") else {}
    if "exec" in user or "auth-provider" in user:
        raise BadValue(
            f"user {found['user']} of {path} logs in through a program, which is not started from here: "
            "make a token with kubectl create token, and write it into a kubeconfig"
        )
    server = str(cluster.get("server", ""))
    if not server.startswith(("https://", "http://")):
        raise BadValue(f"cluster {found.get('cluster')} of {path} has no usable server address: {server!r}")
    folder = path.parent
    token = str(user.get("token", ""))
    if not token and user.get("tokenFile"):
        token = (folder / user["tokenFile"]).read_text(encoding="utf-8").strip()
    return Access(
        server=server.rstrip("/"),
        namespace=found.get("namespace") or "default",
        authority=_pem(cluster, "certificate-authority", folder),
        verify=not cluster.get("insecure-skip-tls-verify", False),
        certificate=_pem(user, "client-certificate", folder),
        key=_pem(user, "client-key", folder),
        token=token,
        user=found.get("user", ""),
        name=wanted,
    )


def _named(whole: dict[str, Any], many: str, one: str, name: str, path: Path) -> dict[str, Any]:
    entries = whole.get(many) or ()
    for entry in entries:
        if entry.get("name") == name:
            return dict(entry.get(one) or {})
    known = ", ".join(str(entry.get("name")) for entry in entries) or "none"
    raise BadValue(f"{path} has no {one} {name!r}; it has {known}")


def _pem(part: dict[str, Any], name: str, folder: Path) -> bytes:
    """Bytes given in the file itself (``…-data``) or in a file beside it."""
    if part.get(f"{name}-data"):
        return base64.b64decode(part[f"{name}-data"])
    if part.get(name):
        try:
            return Path(folder, str(part[name])).read_bytes()
        except OSError as error:
            raise NoSuchFile(f"{folder / part[name]} cannot be read: {error.strerror}") from None
    return b""
