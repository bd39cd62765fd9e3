"""PEM and DER as far as a certificate signing request needs them: the outer form, not the cryptography.

The real server also checks the request's signature and parses every certificate; the model has no cryptography, so a
request of the right outer form passes.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from k8snb.api.gotext import quote

_BLOCK: Final = re.compile(r"-----BEGIN ([^\n-]*)-----[ \t\r]*\n(.*?)-----END \1-----", re.DOTALL)
_SEQUENCE: Final = 0x30
_BIT_STRING: Final = 0x03


def request_error(encoded: str | None) -> str:
    """What is wrong with ``spec.request`` (base64 of a PEM block); "" when its form is right."""
    found = _BLOCK.search(_decoded(encoded))
    if found is None or found.group(1) != "CERTIFICATE REQUEST":
        return "PEM block type must be CERTIFICATE REQUEST"
    return _der_error(found.group(2))


def certificate_error(encoded: str | None) -> str:
    """What is wrong with ``status.certificate`` (base64 of PEM blocks); "" when there is none or its form is right."""
    if not encoded:
        return ""
    blocks = list(_BLOCK.finditer(_decoded(encoded)))
    for block in blocks:
        if block.group(1) != "CERTIFICATE":
            return f"only CERTIFICATE PEM blocks are allowed, found {quote(block.group(1))}"
        if ":" in block.group(2):
            return "no PEM block headers are permitted"
        if error := _der_error(block.group(2)):
            return error
    return "" if blocks else "must contain at least one CERTIFICATE PEM block"


def _decoded(encoded: str | None) -> str:
    try:
        return base64.b64decode(encoded or "", validate=True).decode("latin-1")
    except (ValueError, binascii.Error):
        return ""


def _der_error(text: str) -> str:
    """A request and a certificate are both a sequence of what is signed, the algorithm, and the signature."""
    try:
        raw = base64.b64decode("".join(text.split()), validate=True)
        outer = _items(raw)
        inner = _items(outer[0][1]) if len(outer) == 1 and outer[0][0] == _SEQUENCE else []
    except (ValueError, binascii.Error, IndexError):
        return "asn1: syntax error: data truncated"
    if [tag for tag, _ in inner] != [_SEQUENCE, _SEQUENCE, _BIT_STRING]:
        return "asn1: structure error: tags don't match"
    return ""


def _items(data: bytes) -> list[tuple[int, bytes]]:
    """The elements of DER: (tag, content); ValueError or IndexError when they do not fit."""
    found = []
    place = 0
    while place < len(data):
        tag, length = data[place], data[place + 1]
        place += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[place : place + size], "big")
            place += size
        if place + length > len(data):
            raise ValueError("truncated")
        found.append((tag, data[place : place + length]))
        place += length
    return found
