"""What became of a request: the answer or the error, and the hops that it took, as data for pictures and explanations."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from k8snb.api.frozen import EMPTY, FrozenDict


class Hop(msgspec.Struct, frozen=True, gc=False):
    """One station: ``where`` (pod, hosts, dns, service, nodePort, endpoint, node, app, outside) and ``name`` of it.

    ``code`` says what happened there, ``facts`` are its details by name; ``ok`` is False where the request ended badly.
    """

    where: str
    name: str
    code: str
    facts: Mapping[str, str] = EMPTY
    ok: bool = True

    def __str__(self) -> str:
        details = ", ".join(f"{k}={v}" for k, v in self.facts.items())
        return f"{'→' if self.ok else '✗'} {self.where} {self.name}: {self.code}{f' ({details})' if details else ''}"


class Answer(msgspec.Struct, frozen=True, gc=False):
    """The outcome of a request.

    ``status`` and ``body`` are the server's; ``error`` is empty, or nxdomain, refused, timeout, reset or unreachable;
    ``message`` is what curl would print; ``seconds`` is how long the caller waited; ``address`` is the ip:port asked last.
    """

    status: int = 0
    body: str = ""
    headers: Mapping[str, str] = EMPTY
    error: str = ""
    message: str = ""
    seconds: float = 0.0
    address: str = ""
    hops: tuple[Hop, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether a server answered with a status below 400."""
        return not self.error and self.status < 400

    def __str__(self) -> str:
        head = self.message if self.error else f"{self.status} {self.body.strip()[:200]}"
        return "\n".join([head, *(f"  {hop}" for hop in self.hops)])

    def __repr__(self) -> str:
        return str(self)


class Trail:
    """The hops of a request under way."""

    __slots__ = ("hops",)

    def __init__(self) -> None:
        self.hops: list[Hop] = []

    def add(self, where: str, name: str, code: str, /, *, ok: bool = True, **facts: object) -> None:
        """Note a hop."""
        kept = FrozenDict({k: str(v) for k, v in facts.items()}) if facts else EMPTY
        self.hops.append(Hop(where, name, code, kept, ok))
