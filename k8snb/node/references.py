"""Image references: what ``nginx``, ``nginx:1.25`` or ``ghcr.io/org/app@sha256:…`` stand for."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

import msgspec

_NAME = re.compile(
    r"(?:(?P<host>(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?\.)*[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?::\d+)?)/)?"
    r"(?P<path>[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)"
    r"(?::(?P<tag>[\w][\w.-]{0,127}))?"
    r"(?:@(?P<digest>[a-z0-9]+:[0-9a-f]{32,}))?"
)
"""distribution/reference: ``ReferenceRegexp``."""


class Reference(msgspec.Struct, frozen=True, gc=False):
    """A parsed reference: ``docker.io``, ``library/nginx``, ``1.25`` and perhaps a digest."""

    host: str
    path: str
    tag: str
    digest: str = ""

    @property
    def repository(self) -> str:
        """``docker.io/library/nginx``."""
        return f"{self.host}/{self.path}"

    @property
    def name(self) -> str:
        """The full name as containerd writes it: ``docker.io/library/nginx:1.25``."""
        if self.digest:
            return f"{self.repository}@{self.digest}"
        return f"{self.repository}:{self.tag}"

    @property
    def image_id(self) -> str:
        """What a container status shows as ``imageID``: repository and manifest digest (made up, but always the same)."""
        return f"{self.repository}@{self.digest or manifest_digest(self.name)}"


def manifest_digest(name: str) -> str:
    """The made-up manifest digest of an image name."""
    return f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"


@lru_cache(maxsize=4096)
def parse(text: str) -> Reference | None:
    """The reference that a text stands for (docker.io/library is the default, ``latest`` too), or None when malformed."""
    host, _, rest = text.partition("/")
    if not rest or not ("." in host or ":" in host or host == "localhost" or host.lower() != host):
        host, rest = "docker.io", text
    found = _NAME.fullmatch(f"{host}/{rest}")
    if found is None or found["host"] != host:
        return None
    path = found["path"]
    if host == "docker.io" and "/" not in path:
        path = f"library/{path}"
    tag = found["tag"] or ("" if found["digest"] else "latest")
    return Reference(host, path, tag, found["digest"] or "")
