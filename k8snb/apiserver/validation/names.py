"""Is this string a valid name, label, port, address …?  Each function returns the server's sentences on what is wrong with it.

The answers are tuples and cached by string: the same few label keys, names and values are asked for over and over.
Source of the limits: RFC 1123 and 1035 (63 and 253 characters), ``apimachinery/pkg/util/validation``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

Messages = tuple[str, ...]
NameRule = Callable[[str, bool], Messages]

_OK: Final[Messages] = ()
_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = _LABEL + r"(\." + _LABEL + ")*"
_UNDERSCORE_LABEL: Final = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_UNDERSCORE_SUBDOMAIN: Final = _UNDERSCORE_LABEL + r"(\." + _UNDERSCORE_LABEL + ")*"
_LABEL_1035: Final = "[a-z]([-a-z0-9]*[a-z0-9])?"
_WILDCARD: Final = r"\*\." + _SUBDOMAIN
_QUALIFIED: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE: Final = "(" + _QUALIFIED + ")?"
_CONFIG_KEY: Final = "[-._a-zA-Z0-9]+"
_ENV_NAME: Final = "[ -<>-~]+"
_HTTP_HEADER: Final = "[-A-Za-z0-9]+"
_PERCENT: Final = "[0-9]+%"
_REASON: Final = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"
_HTTP_PATH: Final = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"

_is_label = re.compile(_LABEL).fullmatch
_is_subdomain = re.compile(_SUBDOMAIN).fullmatch
_is_underscore_subdomain = re.compile(_UNDERSCORE_SUBDOMAIN).fullmatch
_is_label_1035 = re.compile(_LABEL_1035).fullmatch
_is_wildcard = re.compile(_WILDCARD).fullmatch
_is_qualified = re.compile(_QUALIFIED).fullmatch
_is_label_value = re.compile(_LABEL_VALUE).fullmatch
_is_config_key = re.compile(_CONFIG_KEY).fullmatch
_is_env_name = re.compile(_ENV_NAME).fullmatch
_is_http_header = re.compile(_HTTP_HEADER).fullmatch
_is_percent = re.compile(_PERCENT).fullmatch
_is_http_path = re.compile(_HTTP_PATH).fullmatch
_is_reason = re.compile(_REASON).fullmatch
_is_port_charset = re.compile("[-a-z0-9]+").fullmatch
_has_letter = re.compile("[a-z]").search

MAX_INT32: Final = 2147483647


def _regex(message: str, pattern: str, *examples: str) -> str:
    if not examples:
        return f"{message} (regex used for validation is '{pattern}')"
    shown = "".join(f"'{example}',  or " for example in examples[:-1]) + f"'{examples[-1]}'"
    return f"{message} (e.g. {shown}, regex used for validation is '{pattern}')"


_LABEL_TEXT: Final = _regex(
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an"
    " alphanumeric character",
    _LABEL,
    "my-name",
    "123-abc",
)
_SUBDOMAIN_TEXT: Final = _regex(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an"
    " alphanumeric character",
    _SUBDOMAIN,
    "example.com",
)
_UNDERSCORE_TEXT: Final = _regex(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with"
    " an alphanumeric character",
    _UNDERSCORE_SUBDOMAIN,
    "example.com",
)
_LABEL_1035_TEXT: Final = _regex(
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an"
    " alphanumeric character",
    _LABEL_1035,
    "my-name",
    "abc-123",
)
_WILDCARD_TEXT: Final = _regex(
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case"
    " alphanumeric characters, '-' or '.' and end with an alphanumeric character",
    _WILDCARD,
    "*.example.com",
)
_QUALIFIED_TEXT: Final = _regex(
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    _QUALIFIED,
    "MyName",
    "my.name",
    "123-abc",
)
_LABEL_VALUE_TEXT: Final = _regex(
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an"
    " alphanumeric character",
    _LABEL_VALUE,
    "MyValue",
    "my_value",
    "12345",
)
_CONFIG_KEY_TEXT: Final = _regex(
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
    _CONFIG_KEY,
    "key.name",
    "KEY_NAME",
    "key-name",
)
_HEADER_TEXT: Final = _regex(
    "a valid HTTP header must consist of alphanumeric characters or '-'", _HTTP_HEADER, "X-Header-Name"
)
_PERCENT_TEXT: Final = _regex(
    "a valid percent string must be a numeric string followed by an ending '%'", _PERCENT, "1%", "93%"
)


def at_most(length: int) -> str:
    """The sentence for a string of more than ``length`` characters."""
    return f"must be no more than {length} characters"


def in_range(low: int, high: int) -> str:
    """The sentence for a number outside ``low`` … ``high``."""
    return f"must be between {low} and {high}, inclusive"


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


@lru_cache(maxsize=16384)
def dns_label(value: str) -> Messages:
    """An RFC 1123 label: a container's or a namespace's name."""
    if len(value) <= 63 and _is_label(value):
        return _OK
    messages = [at_most(63)] if _size(value) > 63 else []
    if not _is_label(value):
        messages.append("must not contain dots" if _is_subdomain(value) else _LABEL_TEXT)
    return tuple(messages)


@lru_cache(maxsize=16384)
def dns_subdomain(value: str) -> Messages:
    """An RFC 1123 subdomain: most objects' names."""
    if len(value) <= 253 and _is_subdomain(value):
        return _OK
    messages = [at_most(253)] if _size(value) > 253 else []
    if not _is_subdomain(value):
        messages.append(_SUBDOMAIN_TEXT)
    return tuple(messages)


def dns_subdomain_with_underscore(value: str) -> Messages:
    """A DNS search path, where ``_`` may occur (``_tcp.example.com``)."""
    messages = [at_most(253)] if _size(value) > 253 else []
    if not _is_underscore_subdomain(value):
        messages.append(_UNDERSCORE_TEXT)
    return tuple(messages)


def dns_1035_label(value: str) -> Messages:
    """A DNS-1035 label, which must start with a letter: names inside a CustomResourceDefinition."""
    messages = [at_most(63)] if _size(value) > 63 else []
    if not _is_label_1035(value):
        messages.append(_LABEL_1035_TEXT)
    return tuple(messages)


def wildcard_subdomain(value: str) -> Messages:
    """A host of an Ingress that starts with ``*.``."""
    messages = [at_most(253)] if _size(value) > 253 else []
    if not _is_wildcard(value):
        messages.append(_WILDCARD_TEXT)
    return tuple(messages)


@lru_cache(maxsize=16384)
def qualified_name(value: str) -> Messages:
    """A label key, a resource name, a finalizer: ``name`` or ``prefix.example.com/name``."""
    messages: list[str] = []
    parts = value.split("/")
    if len(parts) > 2:
        return (
            f"a valid label key {_QUALIFIED_TEXT} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
        )
    name = parts[-1]
    if len(parts) == 2:
        prefix = parts[0]
        if not prefix:
            messages.append("prefix part must be non-empty")
        elif not (len(prefix) <= 253 and _is_subdomain(prefix)):
            if _size(prefix) > 253:
                messages.append("prefix part must be no more than 253 bytes")
            if not _is_subdomain(prefix):
                messages.append("prefix part " + _SUBDOMAIN_TEXT)
    if not name:
        messages.append("name part must be non-empty")
    elif _size(name) > 63:
        messages.append("name part must be no more than 63 bytes")
    if not _is_qualified(name):
        messages.append("name part " + _QUALIFIED_TEXT)
    return tuple(messages)


@lru_cache(maxsize=16384)
def label_value(value: str) -> Messages:
    """A label's value, at most 63 bytes, possibly empty."""
    messages = ["must be no more than 63 bytes"] if _size(value) > 63 else []
    if not _is_label_value(value):
        messages.append(_LABEL_VALUE_TEXT)
    return tuple(messages)


@lru_cache(maxsize=1024)
def config_key(value: str) -> Messages:
    """A key of a ConfigMap or Secret, which becomes a file name."""
    messages = [at_most(253)] if _size(value) > 253 else []
    if not _is_config_key(value):
        messages.append(_CONFIG_KEY_TEXT)
    if value in (".", ".."):
        messages.append(f"must not be '{value}'")
    elif value.startswith(".."):
        messages.append("must not start with '..'")
    return tuple(messages)


def env_var_name(value: str) -> Messages:
    """The name of an environment variable: any printable ASCII but ``=``."""
    if _is_env_name(value):
        return _OK
    return ("a valid environment variable name must consist only of printable ASCII characters other than '='",)


def http_header_name(value: str) -> Messages:
    """The name of an HTTP header in a probe."""
    return _OK if _is_http_header(value) else (_HEADER_TEXT,)


def percent(value: str) -> Messages:
    """A percentage, ``25%``."""
    return _OK if _is_percent(value) else (_PERCENT_TEXT,)


@lru_cache(maxsize=4096)
def port_name(value: str) -> Messages:
    """The name of a container's port: at most 15 characters, one letter at least."""
    messages = []
    if _size(value) > 15:
        messages.append(at_most(15))
    if not _is_port_charset(value):
        messages.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not _has_letter(value):
        messages.append("must contain at least one letter (a-z)")
    if "--" in value:
        messages.append("must not contain consecutive hyphens")
    if value and (value[0] == "-" or value[-1] == "-"):
        messages.append("must not begin or end with a hyphen")
    return tuple(messages)


def port_number(value: int) -> Messages:
    """A port, 1 to 65535."""
    return _OK if 1 <= value <= 65535 else (in_range(1, 65535),)


def user_id(value: int) -> Messages:
    """A numeric user or group ID, 0 to 2147483647."""
    return _OK if 0 <= value <= MAX_INT32 else (in_range(0, MAX_INT32),)


def path_segment(value: str, _prefix: bool = False) -> Messages:
    """A name that only has to fit into a URL: roles and role bindings."""
    if value in (".", ".."):
        return (f"may not be '{value}'",)
    return tuple(f"may not contain '{char}'" for char in ("/", "%") if char in value)


def condition_reason(value: str) -> Messages:
    """The reason of a condition: one word, or several with ``,`` or ``:`` between them."""
    return () if _is_reason(value) else (_REASON_TEXT,)


def http_path(value: str) -> bool:
    """Whether the text may stand after the host in a domain-prefixed path."""
    return bool(_is_http_path(value))


_REASON_TEXT: Final = _regex(
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or"
    " '_,:', and must end with an alphanumeric character or '_'",
    _REASON,
    "my_name",
    "MY_NAME",
    "MyName",
    "ReasonA,ReasonB",
    "ReasonA:ReasonB",
)
HTTP_PATH_TEXT: Final = _regex("Invalid path", _HTTP_PATH)


def _mask_trailing_dash(name: str) -> str:
    """What ``generateName`` is checked as: a final ``-`` is fine, because characters follow."""
    return name[:-2] + "a" if len(name) > 1 and name.endswith("-") else name


def subdomain_name(name: str, prefix: bool = False) -> Messages:
    """Name rule of most kinds; ``prefix`` for a ``generateName``."""
    return dns_subdomain(_mask_trailing_dash(name) if prefix else name)


def label_name(name: str, prefix: bool = False) -> Messages:
    """Name rule of namespaces, services, stateful sets."""
    return dns_label(_mask_trailing_dash(name) if prefix else name)


def label_1035_name(name: str, prefix: bool = False) -> Messages:
    """Name rule of things that become DNS names of their own and must start with a letter."""
    return dns_1035_label(_mask_trailing_dash(name) if prefix else name)
