"""Does a CEL expression call only what exists: the functions of the language and of Kubernetes' own libraries?

A name is looked for among all of them, also those that the evaluator of `k8snb.apiserver.cel` leaves out; whether it is
given the right number and types of arguments is not asked here. What follows the name of a library (``math.greatest``)
is not judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

STRING_LITERALS: Final = re.compile(r"""\"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'""")
_FUNCTIONS: Final = """
    has size int uint double string bytes bool dyn type timestamp duration matches url isURL quantity isQuantity ip isIP
    cidr isCIDR semver isSemver
"""
_METHODS: Final = """
    all exists exists_one existsOne filter map transformList transformMap transformMapEntry
    size contains startsWith endsWith matches find findAll charAt indexOf lastIndexOf join lowerAscii upperAscii replace
    split substring trim format reverse quote isSorted sum min max distinct flatten range slice sort sortBy first last
    getDate getDayOfMonth getDayOfWeek getDayOfYear getFullYear getHours getMilliseconds getMinutes getMonth getSeconds
    getEscapedPath getHost getHostname getPort getQuery getScheme
    path group serviceAccount resource subresource namespace name check allowed reason errored error fieldSelector
    labelSelector
    sign add sub isInteger asInteger asApproximateFloat isLessThan isGreaterThan compareTo major minor patch
    family isUnspecified isLoopback isLinkLocalMulticast isLinkLocalUnicast isGlobalUnicast
    containsIP containsCIDR ip masked prefixLength validate
    or orValue value hasValue optMap optFlatMap
"""
FUNCTIONS: Final = frozenset(_FUNCTIONS.split())
"""Functions and macros that are called without a target."""
METHODS: Final = frozenset(_METHODS.split())
"""Functions and macros that are called on a target."""


def undeclared_call(tree: Any, text: str, libraries: frozenset[str]) -> tuple[int, str] | None:
    """Where the first call of something that does not exist has its parenthesis, and the name; None when all exist."""
    plain = STRING_LITERALS.sub(lambda found: "_" * len(found[0]), text)
    found: list[tuple[int, str]] = []
    for kind, name in _unknown(tree, libraries):
        before = r"\." if kind == "method" else r"(?<![\w.])"
        place = re.search(rf"{before}\s*{re.escape(name)}\s*\(", plain)
        found.append((place.end() - 1 if place else 0, name))
    return min(found, default=None)


def _unknown(node: Any, libraries: frozenset[str]) -> Iterator[tuple[str, str]]:
    if not isinstance(node, tuple | list):
        return
    kind = node[0] if isinstance(node, tuple) and node else None
    if kind == "call" and node[1] not in FUNCTIONS:
        yield "call", node[1]
    elif kind == "method" and node[1] not in METHODS and not _of_library(node[2], libraries):
        yield "method", node[1]
    if kind == "literal":
        return
    for item in node:
        yield from _unknown(item, libraries)


def _of_library(target: Any, libraries: frozenset[str]) -> bool:
    while isinstance(target, tuple) and target[0] == "select":
        target = target[1]
    return isinstance(target, tuple) and target[0] == "name" and target[1] in libraries
