"""Any sequence of acts leaves the store, in memory or in a file, its forks and its watches as a naive model says."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, precondition, rule

from k8snb.store import Cause, Compacted, CompareFailed, Delete, KeyNotFound, Put, Store, Watch, transcript
from tests.store.helpers import HandClock, PlainCodec

KEYS = ["/p/a/x", "/p/a/y", "/p/b/x", "/p/z", "/q/x", "r"]
PREFIXES = ["", "/p/", "/p/a/", "/p/a", "/q/x", "/none/"]
KEY = st.sampled_from(KEYS)
VALUE = st.integers(0, 9)
CAUSE = st.builds(Cause, st.sampled_from(["a", "b"]), st.just("put"), st.lists(st.integers(1, 9)).map(tuple))


@dataclass(frozen=True)
class Event:
    """One change as the model remembers it; value None is a deletion."""

    revision: int
    key: str
    value: int | None
    cause: Cause
    time: float
    lease: int = 0


@dataclass
class Model:
    """All events ever, and nothing clever."""

    events: list[Event] = field(default_factory=list)
    compacted: int = 0
    lease_events: list[tuple[int, int, tuple[float, float] | None]] = field(default_factory=list)
    granted: int = 0

    @property
    def revision(self) -> int:
        return self.events[-1].revision if self.events else 0

    def copy(self) -> Model:
        return replace(self, events=list(self.events), lease_events=list(self.lease_events))

    @property
    def leases(self) -> dict[int, tuple[float, float]]:
        """Living leases: id -> ttl, expires."""
        latest = {lease: held for _, lease, held in self.lease_events}
        return {lease: held for lease, held in latest.items() if held is not None}

    def lease(self, lease: int, held: tuple[float, float] | None) -> None:
        """Grant, extend or (None) end a lease."""
        self.lease_events.append((self.revision, lease, held))

    def state(self, revision: int | None = None) -> dict[str, tuple[int, int, int, int, int]]:
        """Key -> value, create revision, mod revision, version, lease; in key order."""
        found: dict[str, tuple[int, int, int, int, int]] = {}
        for event in self.events:
            if revision is not None and event.revision > revision:
                break
            if event.value is None:
                del found[event.key]
            else:
                _, created, _, version, _ = found.get(event.key, (0, event.revision, 0, 0, 0))
                found[event.key] = (event.value, created, event.revision, version + 1, event.lease)
        return dict(sorted(found.items()))


def state_of(items: Any) -> dict[str, tuple[int, int, int, int, int]]:
    return {item.key: (item.value, item.create_revision, item.mod_revision, item.version, item.lease) for item in items}


@dataclass
class Watching:
    """A watch, and the revision from which on it has yet to tell the model's events."""

    watch: Watch
    following: int


@dataclass
class Pair:
    """A store and the model it must agree with."""

    store: Store
    model: Model
    clock: HandClock
    watches: list[Watching] = field(default_factory=list)


class StoreMachine(RuleBasedStateMachine):
    """Acts on pairs of a store and its model; the first pair may live in a file."""

    durable = False
    pairs: Bundle[Pair] = Bundle("pairs")

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        for name, value in {
            "log.SHIFT": 2,
            "log.CHUNK": 4,
            "journal.SHIFT": 2,
            "journal.CHUNK": 4,
            "journal._KEPT_CHUNKS": 1,
            "timeline._SNAPSHOTS": 2,
        }.items():
            self.stack.enter_context(patch(f"k8snb.store.{name}", value))
        self.path: Path | None = None
        self.all: list[Pair] = []

    def opened(self, clock: HandClock) -> Store:
        return Store(clock, path=self.path, sync="normal", codec=PlainCodec())

    @initialize(target=pairs)
    def begin(self) -> Any:
        if self.durable:
            self.path = Path(self.stack.enter_context(tempfile.TemporaryDirectory())) / "store"
        clock = HandClock()
        pair = Pair(self.opened(clock), Model(), clock)
        self.all.append(pair)
        return multiple(pair)

    def teardown(self) -> None:
        for pair in self.all:
            pair.store.close()
        self.stack.close()

    @rule(pair=pairs, key=KEY, value=VALUE, cause=CAUSE, lease=st.integers(0, 3))
    def put(self, pair: Pair, key: str, value: int, cause: Cause, lease: int) -> None:
        model, lease = pair.model, lease if lease in pair.model.leases else 0
        model.events.append(Event(model.revision + 1, key, value, cause, pair.clock.now, lease))
        made = pair.store.put(key, value, cause=cause, lease=lease)

        assert (key, *model.state()[key]) == (made.key, *state_of([made])[made.key])

    @rule(pair=pairs, key=KEY, value=VALUE, expected=st.integers(0, 12))
    def put_if(self, pair: Pair, key: str, value: int, expected: int) -> None:
        model = pair.model
        actual = model.state().get(key, (0, 0, 0, 0, 0))[2]
        if expected != actual:
            with pytest.raises(CompareFailed):
                pair.store.put(key, value, expected)
            return
        model.events.append(Event(model.revision + 1, key, value, Cause("", ""), pair.clock.now))
        pair.store.put(key, lambda revision: value, expected)

    @rule(pair=pairs, key=KEY, cause=CAUSE)
    def delete(self, pair: Pair, key: str, cause: Cause) -> None:
        model = pair.model
        if key not in model.state():
            with pytest.raises(KeyNotFound):
                pair.store.delete(key)
            return
        model.events.append(Event(model.revision + 1, key, None, cause, pair.clock.now))
        pair.store.delete(key, cause=cause)

    @rule(pair=pairs, values=st.dictionaries(KEY, st.none() | VALUE, min_size=1), cause=CAUSE)
    def transact(self, pair: Pair, values: dict[str, int | None], cause: Cause) -> None:
        model = pair.model
        if any(value is None and key not in model.state() for key, value in values.items()):
            with pytest.raises(KeyNotFound):
                pair.store.txn((), [Delete(key) if value is None else Put(key, value) for key, value in values.items()])
            return
        revision = model.revision + 1
        model.events += [Event(revision, key, value, cause, pair.clock.now) for key, value in values.items()]
        pair.store.txn((), [Delete(key) if value is None else Put(key, value) for key, value in values.items()], cause)

    @rule(pair=pairs, ttl=st.integers(1, 9))
    def grant(self, pair: Pair, ttl: int) -> None:
        model = pair.model
        model.granted += 1
        model.lease(model.granted, (ttl, pair.clock.now + ttl))

        assert model.granted == pair.store.grant(ttl).id

    @rule(pair=pairs, lease=st.integers(1, 3))
    def keepalive(self, pair: Pair, lease: int) -> None:
        if lease in pair.model.leases:
            ttl, _ = pair.model.leases[lease]
            pair.model.lease(lease, (ttl, pair.clock.now + ttl))
            pair.store.keepalive(lease)

    @rule(pair=pairs, seconds=st.integers(1, 5))
    def advance(self, pair: Pair, seconds: int) -> None:
        pair.clock.now += seconds
        model = pair.model
        due = sorted((expires, lease) for lease, (_, expires) in model.leases.items() if expires <= pair.clock.now)
        for _, lease in due:
            revision = model.revision + 1
            attached = [key for key, held in model.state().items() if held[4] == lease]
            model.events += [Event(revision, key, None, Cause("", ""), pair.clock.now) for key in attached]
            model.lease(lease, None)

        assert [lease for _, lease in due] == [lease.id for lease in pair.store.expire()]

    @rule(pair=pairs, back=st.integers(0, 8))
    def compact(self, pair: Pair, back: int) -> None:
        revision = pair.model.revision - back
        if revision <= pair.model.compacted:
            if revision >= 0:
                with pytest.raises(Compacted):
                    pair.store.compact(revision)
            return
        pair.model.compacted = revision
        pair.store.compact(revision)

    @rule(pair=pairs, prefix=st.sampled_from(PREFIXES), back=st.integers(0, 8))
    def watch(self, pair: Pair, prefix: str, back: int) -> None:
        start = pair.model.revision + 1 - back
        if start > pair.model.compacted:
            pair.watches.append(Watching(pair.store.watch(prefix, start), start))

    @rule(pair=pairs)
    def poll(self, pair: Pair) -> None:
        for watching in pair.watches[:]:
            watch = watching.watch
            if watching.following <= pair.model.compacted:
                with pytest.raises(Compacted):
                    watch.poll()
                pair.watches.remove(watching)
                continue
            expected = [
                (event.revision, event.key, event.value is None)
                for event in pair.model.events
                if event.revision >= watching.following and event.key.startswith(watch.prefix)
            ]
            watching.following = pair.model.revision + 1

            assert expected == [(event.revision, event.key, event.type == "DELETED") for event in watch.poll()]

    @precondition(lambda self: len(self.all) < 4)
    @rule(target=pairs, pair=pairs, back=st.sampled_from([0, 1, 2, 3, 5, 8, 13]))
    def fork(self, pair: Pair, back: int) -> Pair:
        revision = max(pair.model.revision - back, pair.model.compacted)
        model = pair.model.copy()
        clock = HandClock(pair.clock.now)
        fork = Pair(pair.store.fork(revision, clock), model, clock)
        if revision < model.revision:
            model.events = [event for event in model.events if event.revision <= revision]
            model.lease_events = [event for event in model.lease_events if event[0] <= revision]
            model.granted = max((lease for _, lease, _ in model.lease_events), default=0)
        self.all.append(fork)
        return fork

    @precondition(lambda self: self.durable)
    @rule()
    def reopen(self) -> None:
        first = self.all[0]
        written = transcript(first.store, PlainCodec())
        first.store.close()
        first.store = self.opened(first.clock)
        first.watches.clear()

        assert written == transcript(first.store, PlainCodec())

    @rule(pair=pairs, prefix=st.sampled_from(PREFIXES), back=st.integers(0, 20), limit=st.integers(0, 3), start=KEY)
    def read(self, pair: Pair, prefix: str, back: int, limit: int, start: str) -> None:
        model, store = pair.model, pair.store
        revision = max(model.revision - back, model.compacted)
        then = model.state(revision)
        matching = [key for key in then if key.startswith(prefix) and key >= start]
        page = store.list(prefix, revision, limit, start)

        assert then == state_of(store.at(revision))
        assert (matching[:limit] if limit else matching) == [item.key for item in page.items]
        assert (len(matching) > len(page.items), len(matching)) == (page.more, page.count)
        for key in KEYS:
            found = store.get(key, revision)
            assert then.get(key) == (None if found is None else state_of([found])[key])

    @invariant()
    def agree(self) -> None:
        for pair in self.all:
            model, store = pair.model, pair.store
            kept = [event for event in model.events if event.revision > model.compacted]

            assert (model.revision, model.compacted) == (store.revision, store.compacted)
            assert model.state() == state_of(store.list("").items)
            assert model.leases == {lease.id: (lease.ttl, lease.expires) for lease in store.leases.all()}

            told = [(change.revision, change.key, change.value, change.cause, change.time) for change in kept_by(pair)]
            assert [(event.revision, event.key, event.value, event.cause, event.time) for event in kept] == told
            for key in KEYS:
                past = [(event.revision, event.value) for event in kept if event.key == key]
                kept_versions = [(version.mod_revision, version.value) for version in store.history(key)]
                assert past == [version for version in kept_versions if version[0] > model.compacted]


def kept_by(pair: Pair) -> Any:
    """The changes a store has kept, each checked against the state before it."""
    for change in pair.store.changes(pair.store.compacted + 1):
        before = pair.model.state(change.revision - 1).get(change.key)
        previous = None if change.previous is None else state_of([change.previous])[change.key]
        assert before == previous
        yield change


class DurableMachine(StoreMachine):
    durable = True


def machine(kind: type[StoreMachine], examples: int) -> Any:
    case = kind.TestCase
    case.settings = settings(
        max_examples=examples,
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    return case


TestInMemory = machine(StoreMachine, 200)
TestDurable = machine(DurableMachine, 100)
