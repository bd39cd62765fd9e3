"""The bytes of a Secret as text."""

from __future__ import annotations

import base64
import binascii


def plain(value: str) -> str:
    """The text behind a base64 value (undecodable bytes are shown as replacement characters)."""
    try:
        return base64.b64decode(value).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return value
