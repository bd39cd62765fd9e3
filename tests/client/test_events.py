"""How components record events: counting, combining, the spam filter, and the series of the newer API."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from k8snb.api.errors import APIError, forbidden
from k8snb.api.freeze import freeze
from k8snb.api.request import Request
from k8snb.api.types import events_v1
from k8snb.api.types.core_v1 import Event, Node, Pod
from k8snb.api.types.events_v1 import EventSeries
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.client.calls import Emit
from k8snb.client.events import Draft, Recorder
from k8snb.client.series import Broadcaster
from k8snb.cluster import Cluster
from tests.manifests import pod as manifest

POD = Pod(metadata=ObjectMeta(name="web", namespace="shop", uid="u1", resourceVersion="7"))
NODE = Node(metadata=ObjectMeta(name="worker-1", uid="u2"))


def emit(message: str = "again", regarding: Any = POD, reason: str = "BackOff", **more: Any) -> Emit:
    """An event of the kubelet of worker-1."""
    return Emit(regarding=regarding, type="Warning", reason=reason, message=message, host="worker-1", **more)


def record(recorder: Recorder | Broadcaster, call: Emit, now: float = 0.0, component: str = "kubelet") -> Draft:
    """What is to be written for a call that is not held back."""
    draft = recorder.event(call, component, now)
    assert draft is not None
    return draft


def classic(draft: Draft) -> Event:
    """The Event of the older API in a draft."""
    assert isinstance(draft.event, Event)
    return draft.event


def newer(draft: Draft) -> events_v1.Event:
    """The Event of the newer API in a draft."""
    assert isinstance(draft.event, events_v1.Event)
    return draft.event


@pytest.mark.parametrize("regarding", [POD, NODE, Pod(metadata=ObjectMeta(name="web", namespace="", uid=""))])
@pytest.mark.parametrize("message", ["again", ""])
@pytest.mark.parametrize("host", ["worker-1", ""])
def test_what_is_recorded_is_frozen(regarding: Any, message: str, host: str) -> None:
    """The server is told so and does not look (``Request.frozen``)."""
    call = Emit(regarding=regarding, type="Normal", reason="Seen", message=message, host=host)
    acted = replace(call, action="Looking")
    old, new = Recorder(), Broadcaster()

    for draft in (*(record(old, call) for _ in range(2)), *(record(new, acted) for _ in range(2))):
        assert freeze(draft.event) is draft.event


# -- the correlator


def test_a_first_event_says_who_what_when() -> None:
    event = classic(record(Recorder(), emit(field_path="spec.containers{web}"), now=12.5))

    assert event.metadata.namespace == "shop"
    assert (event.metadata.name or "").startswith("web.")
    about = event.involvedObject
    assert (about.kind, about.apiVersion, about.namespace, about.name) == ("Pod", "v1", "shop", "web")
    assert (about.uid, about.resourceVersion, about.fieldPath) == ("u1", "7", "spec.containers{web}")
    assert (event.source.component, event.source.host) == ("kubelet", "worker-1")
    assert (event.reportingComponent, event.reportingInstance) == ("kubelet", "worker-1")
    assert event.firstTimestamp == event.lastTimestamp == "2026-01-01T00:00:12Z"
    assert (event.count, event.eventTime, event.series) == (1, None, None)


def test_the_same_event_is_counted() -> None:
    recorder = Recorder()
    first = record(recorder, emit(), now=0)
    again = record(recorder, emit(), now=90)

    assert first.patch is None
    assert again.patch == {"count": 2, "lastTimestamp": "2026-01-01T00:01:30Z", "message": "again"}
    assert classic(again).metadata.name == classic(first).metadata.name
    assert classic(again).firstTimestamp == "2026-01-01T00:00:00Z"


def test_what_tells_two_events_apart() -> None:
    recorder = Recorder()
    other = replace(POD, metadata=replace(POD.metadata, uid="u9"))
    calls = [
        emit(), emit("else"), emit(reason="Other"), emit(regarding=other), emit(regarding=NODE),
        emit(field_path="spec.containers{a}"), replace(emit(), type="Normal"), replace(emit(), host="worker-2"),
    ]  # fmt: skip
    drafts = [record(recorder, call) for call in calls]

    assert [d.patch for d in drafts] == [None] * len(calls)
    assert len({classic(d).metadata.name for d in drafts}) == len(calls)
    assert record(recorder, emit(), component="kube-proxy").patch is None
    newer_version = replace(POD, metadata=replace(POD.metadata, resourceVersion="8"))
    assert record(recorder, emit(regarding=newer_version)).patch is not None


def test_an_event_about_a_cluster_wide_object_is_in_the_namespace_default() -> None:
    assert classic(record(Recorder(), emit(regarding=NODE))).metadata.namespace == "default"


def test_many_similar_events_are_combined() -> None:
    recorder = Recorder()
    drafts = [record(recorder, emit(f"try {n}"), now=n) for n in range(12)]

    assert [d.patch is None for d in drafts] == [True] * 10 + [False] * 2
    assert [classic(d).message for d in drafts][8:] == [
        "try 8", *(f"(combined from similar events): try {n}" for n in (9, 10, 11)),
    ]  # fmt: skip
    assert [classic(d).count for d in drafts][9:] == [1, 2, 3]
    assert drafts[11].patch == {
        "count": 3, "lastTimestamp": "2026-01-01T00:00:11Z", "message": "(combined from similar events): try 11",
    }  # fmt: skip
    assert classic(drafts[9]).reportingComponent == ""
    assert classic(drafts[9]).source.component == "kubelet"


def test_similar_events_of_several_containers_are_combined() -> None:
    recorder = Recorder()
    drafts = [record(recorder, emit(f"try {n}", field_path=f"spec.containers{{c{n}}}")) for n in range(10)]

    assert classic(drafts[9]).message == "(combined from similar events): try 9"


def test_after_ten_quiet_minutes_similar_events_are_single_again() -> None:
    recorder = Recorder()
    for n in range(9):
        record(recorder, emit(f"try {n}"), now=n)

    assert classic(record(recorder, emit("try 9"), now=8 + 600.5)).message == "try 9"


def test_one_object_cannot_flood_the_cluster() -> None:
    recorder = Recorder()
    drafts = [recorder.event(emit(), "kubelet", now=0.0) for _ in range(30)]

    assert [d is not None for d in drafts] == [True] * 25 + [False] * 5
    assert recorder.event(emit(regarding=NODE), "kubelet", now=0.0) is not None
    assert recorder.event(emit(), "kubelet", now=299.0) is None
    passed = record(recorder, emit(), now=301.0)
    assert classic(passed).count == 32  # those that were held back were counted
    assert recorder.event(emit(), "kubelet", now=302.0) is None


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.floats(0, 400)), max_size=80))
def test_no_event_is_lost_in_the_counts(story: list[tuple[str, float]]) -> None:
    """After any story the last draft of each message that passed tells how often it happened until then."""
    recorder, now = Recorder(), 0.0
    happened: dict[str, int] = {}
    passed = 0
    for message, pause in story:
        now += pause
        happened[message] = happened.get(message, 0) + 1
        draft = recorder.event(emit(message), "kubelet", now)
        if draft is not None:
            passed += 1
            assert classic(draft).count == happened[message]
    assert passed <= 25 + now / 300 + 1


# -- the series of the newer API


def scheduling(message: str = "0/1 nodes", regarding: Any = POD, reason: str = "FailedScheduling") -> Emit:
    """An event of kube-scheduler."""
    return Emit(
        regarding=regarding, type="Warning", reason=reason, message=message, component="default-scheduler",
        action="Scheduling",
    )  # fmt: skip


def test_a_first_event_of_the_newer_api() -> None:
    event = newer(record(Broadcaster(), scheduling(), 1.25, "default-scheduler"))

    assert (event.apiVersion, event.note, event.action) == ("events.k8s.io/v1", "0/1 nodes", "Scheduling")
    assert (event.eventTime, event.series) == ("2026-01-01T00:00:01.250000Z", None)
    assert (event.reportingController, event.reportingInstance) == ("default-scheduler", "default-scheduler")
    assert (event.deprecatedCount, event.deprecatedFirstTimestamp) == (None, None)


def test_the_first_repetition_is_written_and_later_ones_are_only_counted() -> None:
    events = Broadcaster()
    drafts = [events.event(scheduling(f"text {n}"), "default-scheduler", n * 60.0) for n in range(4)]

    assert drafts[0] is not None
    assert drafts[0].patch is None
    assert drafts[1] is not None
    assert drafts[1].patch == {"series": EventSeries(count=2, lastObservedTime="2026-01-01T00:01:00.000000Z")}
    assert newer(drafts[1]).note == "text 0"
    assert drafts[2:] == [None, None]


def test_another_version_of_the_object_begins_another_series() -> None:
    events = Broadcaster()
    record(events, scheduling(), 0, "default-scheduler")
    changed = replace(POD, metadata=replace(POD.metadata, resourceVersion="8"))

    assert record(events, scheduling(regarding=changed), 1, "default-scheduler").patch is None
    assert record(events, scheduling(reason="Preempted"), 1, "default-scheduler").patch is None


def test_a_quiet_series_is_written_a_last_time_and_forgotten() -> None:
    events = Broadcaster()
    for second in (0.0, 10.0, 20.0):
        events.event(scheduling(), "default-scheduler", second)

    assert events.tend(360.0) == []
    (last,) = events.tend(720.0)
    assert last.patch == {"series": EventSeries(count=3, lastObservedTime="2026-01-01T00:00:20.000000Z")}
    assert events.tend(1080.0) == []
    assert record(events, scheduling(), 1081.0, "default-scheduler").patch is None


def test_a_lasting_series_is_written_every_half_hour() -> None:
    events = Broadcaster()
    written = []
    for minute in range(61):
        events.event(scheduling(), "default-scheduler", minute * 60.0)
        if minute and minute % 6 == 0:
            written += [(minute, (draft.patch or {})["series"].count) for draft in events.tend(minute * 60.0)]

    assert written == [(30, 31), (60, 61)]


def test_an_event_that_happened_once_is_forgotten_quietly() -> None:
    events = Broadcaster()
    events.event(scheduling(), "default-scheduler", 0.0)

    assert events.tend(400.0) == []
    assert record(events, scheduling(), 401.0, "default-scheduler").patch is None


# -- in a cluster


def about(cluster: Cluster, name: str, reason: str) -> list[Event]:
    """The stored events about an object, oldest first."""
    return [e for e in cluster.events if (e.involvedObject.name, e.reason) == (name, reason)]


def test_a_crashing_container_has_one_event_that_grows() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(manifest("p", image="busybox", container="    command: [sh, -c, exit 3]\n"))
    cluster.run(200)
    (event,) = about(cluster, "p", "BackOff")

    assert (event.count or 0) > 2
    assert event.firstTimestamp != event.lastTimestamp
    verbs = {r.verb for r in cluster.server.audit if r.resource == "events" and r.actor == "kubelet/worker-1"}
    assert verbs == {"create", "patch"}


def test_an_unschedulable_pod_has_a_series_whose_count_lags() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(manifest("p", container="    resources: {requests: {cpu: '64'}}\n"))
    cluster.run(1700)
    single, series = about(cluster, "p", "FailedScheduling")

    assert (single.count, single.series) == (None, None)
    assert series.series is not None
    assert series.series.count == 2
    cluster.run(200)
    count = about(cluster, "p", "FailedScheduling")[1].series
    assert count is not None
    assert (count.count or 0) > 2


def test_an_expired_event_is_written_in_full() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(manifest("p", image="busybox", container="    command: [sh, -c, exit 3]\n"))
    cluster.run(20)
    (event,) = about(cluster, "p", "BackOff")
    count = event.count or 0
    cluster.delete(event)
    cluster.run(60)
    (again,) = about(cluster, "p", "BackOff")

    assert again.metadata.name == event.metadata.name
    assert (again.count or 0) > count
    assert again.firstTimestamp == event.firstTimestamp


def test_a_refused_event_is_dropped_and_counted() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(manifest("p"))
    cluster.settle()
    pod = cluster.get("pod/p")
    real = cluster.server.handle

    def handle(request: Request) -> Any:
        if request.resource.plural == "events":
            raise forbidden("events", "", "no")
        return real(request)

    from k8snb.client.steps import Cause

    cause = Cause("kubelet/worker-1", "p", (), 0)
    cluster.server.handle = handle  # type: ignore[method-assign]
    cluster.gateway.perform(emit("lost", pod), cause)
    cluster.server.handle = real  # type: ignore[method-assign]
    cluster.gateway.perform(emit("lost", pod), cause)

    (event,) = [e for e in cluster.events if e.message == "lost"]
    assert event.count == 2
    assert not isinstance(event, APIError)
