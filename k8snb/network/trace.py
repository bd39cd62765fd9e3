"""What became of a request: the answer or the error, and the way it took, as data for pictures and explanations.

``Hop`` is a station of the way in the large (pod, name, service, endpoint, program); every request has them. ``Step`` is one
thing that happened to a packet (a rule that matched, a header put around it, an interface passed) with the packet's fields
after it; only a trace records those.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from k8snb.api.frozen import EMPTY, FrozenDict
from k8snb.network.packet import FIELDS, Fields, Packet
from k8snb.network.told import told_hop, told_step


class Hop(msgspec.Struct, frozen=True, gc=False):
    """One station: ``where`` (pod, hosts, dns, service, nodePort, endpoint, node, app, policy, outside) and ``name`` of it.

    ``code`` says what happened there, ``facts`` are its details by name; ``ok`` is False where the request ended badly.
    """

    where: str
    name: str
    code: str
    facts: Mapping[str, str] = EMPTY
    ok: bool = True

    def __str__(self) -> str:
        return told_hop(self)


class Answer(msgspec.Struct, frozen=True, gc=False):
    """The outcome of a request.

    ``status`` and ``body`` are the server's; ``error`` is empty, or nxdomain, refused, timeout, reset or unreachable;
    ``message`` is what curl would print; ``seconds`` is how long the caller waited; ``address`` is the ip:port asked last;
    ``issuer`` is who signed the server's certificate, where that matters (``kubernetes``: the cluster's CA).
    """

    status: int = 0
    body: str = ""
    headers: Mapping[str, str] = EMPTY
    error: str = ""
    message: str = ""
    seconds: float = 0.0
    address: str = ""
    hops: tuple[Hop, ...] = ()
    issuer: str = ""

    @property
    def ok(self) -> bool:
        """Whether a server answered with a status below 400."""
        return not self.error and self.status < 400

    def text(self, language: str | None = None) -> str:
        """What the caller got (as a tool prints it), and the stations of the way in words."""
        head = self.message if self.error else f"{self.status} {self.body.strip()[:200]}"
        return "\n".join([head, *(f"  {told_hop(hop, language)}" for hop in self.hops)])

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return str(self)


class Step(msgspec.Struct, frozen=True, gc=False):
    """One thing that happened to a packet.

    ``place`` is where (``pod/default/web``, ``node/worker-1``, ``wire``, ``dns``, ``outside``), ``network`` in which of the
    three networks the packet's destination lies (pod, node, service; outside for none), ``code`` what happened, ``detail``
    the rule, route or policy as text, ``facts`` further values; ``packet`` its fields afterwards (None before there is one),
    ``changed`` the names of those that this step changed. ``back`` marks the reply's way; ``ok`` is False where it ended.
    """

    number: int
    place: str
    network: str
    code: str
    detail: str = ""
    facts: Mapping[str, str] = EMPTY
    packet: Fields | None = None
    changed: tuple[str, ...] = ()
    ok: bool = True
    back: bool = False


class Trail:
    """The hops of a request under way, and with ``detailed`` its steps."""

    __slots__ = ("back", "detailed", "hops", "network", "steps")

    def __init__(self, detailed: bool = False) -> None:
        self.hops: list[Hop] = []
        self.detailed = detailed
        self.steps: list[Step] = []
        self.network = ""
        self.back = False

    def add(self, where: str, name: str, code: str, /, *, ok: bool = True, **facts: object) -> None:
        """Note a hop."""
        kept = FrozenDict({k: str(v) for k, v in facts.items()}) if facts else EMPTY
        self.hops.append(Hop(where, name, code, kept, ok))

    def step(
        self,
        place: str,
        code: str,
        packet: Packet | None = None,
        detail: str = "",
        /,
        *,
        ok: bool = True,
        **facts: object,
    ) -> None:
        """Note a step; does nothing unless the trail is detailed."""
        if not self.detailed:
            return
        fields = packet.fields() if packet is not None else None
        before = next((s.packet for s in reversed(self.steps) if s.packet is not None), None)
        changed: tuple[str, ...] = ()
        if fields is not None and before is not None:
            changed = tuple(n for n in FIELDS if getattr(fields, n) != getattr(before, n))
        kept = FrozenDict({k: str(v) for k, v in facts.items()}) if facts else EMPTY
        number = len(self.steps) + 1
        self.steps.append(Step(number, place, self.network, code, detail, kept, fields, changed, ok, self.back))


class Trace:
    """A request and everything that happened to its packets: ``steps`` in order, ``answer`` as ``cluster.request`` gives it.

    ``host`` is the Host header where it is not the URL's; ``method`` and ``headers`` are as they were asked for.
    """

    def __init__(
        self,
        source: str,
        url: str,
        answer: Answer,
        steps: tuple[Step, ...],
        host: str = "",
        method: str = "GET",
        headers: Mapping[str, str] = EMPTY,
    ) -> None:
        self.host = host
        self.method = method
        self.headers = headers
        self.source = source
        self.url = url
        self.answer = answer
        self.steps = steps

    @property
    def ok(self) -> bool:
        """Whether a server answered with a status below 400."""
        return self.answer.ok

    @property
    def failed(self) -> Step | None:
        """The step at which the packet's way ended badly, if it did."""
        return next((s for s in self.steps if not s.ok), None)

    def forward(self) -> tuple[Step, ...]:
        """The steps of the way there."""
        return tuple(s for s in self.steps if not s.back)

    def reply(self) -> tuple[Step, ...]:
        """The steps of the reply's way back."""
        return tuple(s for s in self.steps if s.back)

    def text(self, language: str | None = None) -> str:
        """All steps in words, and in the last line what the caller got."""
        lines = [f"{self.source} → {self.url}", *(told_step(step, language) for step in self.steps)]
        return "\n".join([*lines, self.answer.text(language).splitlines()[0]])

    def __repr__(self) -> str:
        return self.text()
