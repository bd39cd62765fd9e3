"""The default pull policy, which depends on the tag of the image."""

from __future__ import annotations

import re
from functools import lru_cache

# github.com/distribution/reference: what a normalized image reference looks like.
_DOMAIN_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_DOMAIN_LABEL}(?:\.{_DOMAIN_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(
    rf"(?:{_DOMAIN}/)?{_PART}(?:/{_PART})*(?::(?P<tag>\w[\w.-]{{0,127}}))?(?:@(?P<digest>{_DIGEST}))?", re.A
)
_is_identifier = re.compile("[a-f0-9]{64}").fullmatch


@lru_cache(maxsize=1024)
def pull_policy(image: str) -> str:
    """``Always`` for the tag ``latest`` (also when neither tag nor digest is given), else ``IfNotPresent``."""
    match = _REFERENCE.fullmatch(image)
    if match is None or _is_identifier(image):
        return "IfNotPresent"
    if match["tag"] is None and match["digest"] is None:
        return "Always"
    return "Always" if match["tag"] == "latest" else "IfNotPresent"
