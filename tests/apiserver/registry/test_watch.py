"""Watching through the server: what selectors make of changes, and where a watch ends."""

from __future__ import annotations

from typing import Any

from tests.apiserver.rig import Rig, config_map


def labelled(name: str, value: str) -> dict[str, Any]:
    """A ConfigMap with a label."""
    body = config_map(name)
    body["metadata"]["labels"] = {"app": value}
    return body


def events(stream: Any) -> list[tuple[str, str]]:
    """(type, name) of the events since the last poll."""
    return [(event.type, event.object.metadata.name if event.type != "ERROR" else "") for event in stream.poll()]


def test_a_watch_begins_with_what_there_is() -> None:
    rig = Rig()
    rig.create("configmaps", config_map("a"))
    stream = rig.send("watch", "configmaps").stream
    rig.create("configmaps", config_map("b"))

    assert events(stream) == [("ADDED", "a"), ("ADDED", "b")]
    assert events(stream) == []


def test_beginning_and_ceasing_to_match_is_adding_and_deleting() -> None:
    rig = Rig()
    stream = rig.send("watch", "configmaps", label_selector="app=x", resource_version=str(rig.store.revision)).stream

    rig.create("configmaps", labelled("a", "y"))
    rig.patch("configmaps", "a", {"metadata": {"labels": {"app": "x"}}})
    rig.patch("configmaps", "a", {"data": {"a": "2"}})
    rig.patch("configmaps", "a", {"metadata": {"labels": {"app": "y"}}})
    rig.delete("configmaps", "a")

    assert events(stream) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


def test_a_deleted_object_carries_the_revision_of_its_deletion() -> None:
    rig = Rig()
    rig.create("configmaps", config_map("a"))
    stream = rig.send("watch", "configmaps", resource_version=str(rig.store.revision)).stream
    rig.delete("configmaps", "a")

    assert stream.poll()[0].object.metadata.resourceVersion == str(rig.store.revision)


def test_bookmarks_come_once_a_minute_when_wanted() -> None:
    rig = Rig()
    start = str(rig.store.revision)
    wanted = rig.send("watch", "configmaps", resource_version=start, allow_watch_bookmarks=True).stream
    other = rig.send("watch", "configmaps", resource_version=start).stream
    rig.clock.advance(61)

    assert [event.type for event in wanted.poll()] == ["BOOKMARK"]
    assert other.poll() == []


def test_a_watch_from_before_the_history_ends_with_an_error() -> None:
    rig = Rig()
    for value in "abc":
        rig.create("configmaps", config_map(value))
    rig.store.compact(rig.store.revision)

    stream = rig.send("watch", "configmaps", resource_version="1").stream

    assert events(stream) == [("ERROR", "")]
    assert events(stream) == []
