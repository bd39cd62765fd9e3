"""One route of an ingress controller, wherever it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from k8snb.api.frozen import EMPTY


class Backend(msgspec.Struct, frozen=True):
    """One ``backendRef`` of an HTTPRoute: a port of a Service and its share of the requests.

    ``problem`` says why it cannot be used (InvalidKind, RefNotPermitted, BackendNotFound; empty: it can); such a backend
    answers 500 for its share. ``filters`` are its own.
    """

    namespace: str
    service: str
    port: int
    weight: int = 1
    problem: str = ""
    filters: tuple[Mapping[str, Any], ...] = ()


class Wanted(msgspec.Struct, frozen=True):
    """A header or query parameter that an HTTPRoute's match wants; ``regex`` values are regular expressions."""

    name: str
    value: str
    regex: bool = False


class Asked(msgspec.Struct, frozen=True):
    """What of a request beside its host and path decides on its route; header names are in lower case."""

    method: str = "GET"
    headers: Mapping[str, str] = EMPTY
    query: Mapping[str, str] = EMPTY


class Route(msgspec.Struct, frozen=True):
    """Requests for a host (empty: any) and a path go to a port of a Service; ``regex`` paths are regular expressions.

    ``ingress`` is the object that it comes from (``namespace/name``), ``namespace`` that of the Service where it is another.
    ``rewrite`` is what the path is replaced by on the way on (empty: it stays); ``default`` routes take what nothing else does.
    Those of an HTTPRoute (``gateway``) may want a method, headers and query parameters, and have filters and several
    ``backends``; ``rule`` tells which rule and match of the HTTPRoute it is.
    """

    ingress: str
    host: str
    path: str
    sort: str
    service: str
    port: int | str
    regex: bool = False
    rewrite: str = ""
    default: bool = False
    namespace: str = ""
    gateway: bool = False
    rule: str = ""
    method: str = ""
    headers: tuple[Wanted, ...] = ()
    query: tuple[Wanted, ...] = ()
    filters: tuple[Mapping[str, Any], ...] = ()
    backends: tuple[Backend, ...] = ()
