"""What may be a name, a label key or a label value: the content rules of Kubernetes, with its own words for a breach.

A function returns the tuple of what is wrong, empty if nothing is.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

#: Limits in bytes (``k8s.io/apimachinery/pkg/util/validation``).
LABEL_VALUE_MAX: Final = 63
QUALIFIED_NAME_MAX: Final = 63
DNS1123_SUBDOMAIN_MAX: Final = 253

_NAME: Final = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_DNS1123: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = rf"{_DNS1123}(\.{_DNS1123})*"
_VALUE: Final = r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_is_name = re.compile(_NAME).fullmatch
_is_value = re.compile(_VALUE).fullmatch
_is_subdomain = re.compile(_SUBDOMAIN).fullmatch

_NAME_RULE: Final = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_NAME}')"
)
_VALUE_RULE: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'{_VALUE}')"
)
_SUBDOMAIN_RULE: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)


def too_long(limit: int) -> str:
    """Return the words for text above ``limit`` bytes."""
    return f"must be no more than {limit} bytes"


@lru_cache(maxsize=1 << 14)
def label_value(text: str) -> tuple[str, ...]:
    """Check the value of a label."""
    found = [too_long(LABEL_VALUE_MAX)] if len(text.encode("utf-8", "surrogatepass")) > LABEL_VALUE_MAX else []
    if not _is_value(text):
        found.append(_VALUE_RULE)
    return tuple(found)


@lru_cache(maxsize=1 << 14)
def qualified_name(text: str) -> tuple[str, ...]:
    """Check the key of a label or annotation: a name, with a DNS subdomain and a slash before it or not."""
    found: list[str] = []
    parts = text.split("/")
    if len(parts) > 2:
        return (
            f"a qualified name {_NAME_RULE} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
        )
    name = parts[-1]
    if len(parts) == 2:
        if not parts[0]:
            found.append("prefix part must be non-empty")
        else:
            found += [f"prefix part {words}" for words in dns1123_subdomain(parts[0])]
    if not name:
        found.append("name part must be non-empty")
    elif len(name.encode("utf-8", "surrogatepass")) > QUALIFIED_NAME_MAX:
        found.append(f"name part {too_long(QUALIFIED_NAME_MAX)}")
    if not _is_name(name):
        found.append(f"name part {_NAME_RULE}")
    return tuple(found)


@lru_cache(maxsize=1 << 14)
def dns1123_subdomain(text: str) -> tuple[str, ...]:
    """Check a DNS subdomain, the form of most objects' names."""
    found = []
    if len(text.encode("utf-8", "surrogatepass")) > DNS1123_SUBDOMAIN_MAX:
        found.append(too_long(DNS1123_SUBDOMAIN_MAX))
    if not _is_subdomain(text):
        found.append(_SUBDOMAIN_RULE)
    return tuple(found)
