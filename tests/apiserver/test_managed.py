"""managedFields found from history: what plain writes, subresources, applies and clients' own entries make of them."""

from __future__ import annotations

from typing import Any

import pytest

from k8snb.api.codec import to_dict
from k8snb.api.request import APPLY_PATCH, MERGE_PATCH, Request, RequestOptions
from k8snb.api.scheme import SCHEME
from k8snb.apiserver import APIServer
from k8snb.apiserver.managed import ManagedFields, parse_verb, verb
from k8snb.sim.clock import Clock
from k8snb.sim.ids import Ids
from k8snb.store import Store


class Rig:
    """An API server with a namespace, and short forms of requests."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.store = Store(self.clock)
        self.server = APIServer(self.store, self.clock, Ids(0))
        for name in ("default", "kube-system"):
            self.send("create", "namespaces", body={"metadata": {"name": name}}, namespace="")

    def send(
        self,
        what: str,
        kind: str,
        name: str = "",
        *,
        body: Any = None,
        manager: str = "me",
        namespace: str = "default",
        content_type: str = "application/json",
        subresource: str = "",
        force: bool | None = None,
    ) -> Any:
        resource = SCHEME.resolve(kind)
        if isinstance(body, dict) and content_type != MERGE_PATCH:
            body = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
        options = RequestOptions(field_manager=manager, force=force)
        request = Request(
            what, resource, namespace, name, subresource, body, content_type, options, user_agent="test/1.0"
        )
        return self.server.handle(request).object

    def merge(self, kind: str, name: str, body: Any, **options: Any) -> Any:
        return self.send("patch", kind, name, body=body, content_type=MERGE_PATCH, **options)

    def apply(self, kind: str, name: str, body: Any, **options: Any) -> Any:
        body = {"metadata": {"name": name}, **body}
        return self.send("patch", kind, name, body=body, content_type=APPLY_PATCH, **options)

    def entries(self, kind: str, name: str) -> list[dict[str, Any]]:
        resource = SCHEME.resolve(kind)
        stored = self.store.get(resource.key("default", name))
        assert stored is not None
        return self.server.managed_fields.entries(stored)

    def owners(self, kind: str, name: str) -> list[tuple[str, str, str, Any]]:
        return [
            (e["manager"], e["operation"], e.get("subresource", ""), e["fieldsV1"]) for e in self.entries(kind, name)
        ]


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_plain_writes(rig: Rig) -> None:
    rig.send("create", "configmaps", body={"metadata": {"name": "c"}, "data": {"a": "1", "b": "2"}})
    rig.clock.advance(5)
    rig.merge("configmaps", "c", {"data": {"a": "9", "b": None, "c": "3"}}, manager="you")

    assert rig.owners("configmaps", "c") == [
        ("me", "Update", "", {"f:data": {}}),
        ("you", "Update", "", {"f:data": {"f:a": {}, "f:c": {}}}),
    ]
    assert [e["time"] for e in rig.entries("configmaps", "c")] == ["2026-01-01T00:00:00Z", "2026-01-01T00:00:05Z"]


def test_nothing_is_stored_for_plain_writes(rig: Rig) -> None:
    found = rig.send("create", "configmaps", body={"metadata": {"name": "c"}, "data": {"a": "1"}})
    found = rig.merge("configmaps", "c", {"data": {"b": "1"}})

    assert found.metadata.managedFields == ()


def test_apply_then_plain_write_then_apply(rig: Rig) -> None:
    rig.apply("configmaps", "c", {"data": {"a": "1"}}, manager="one")
    rig.merge("configmaps", "c", {"data": {"a": "2"}}, manager="two")
    rig.merge("configmaps", "c", {"data": {"b": "2"}}, manager="two")

    assert rig.owners("configmaps", "c") == [("two", "Update", "", {"f:data": {"f:a": {}, "f:b": {}}})]

    rig.apply("configmaps", "c", {"data": {"a": "1"}}, manager="one", force=True)

    assert rig.owners("configmaps", "c") == [
        ("one", "Apply", "", {"f:data": {"f:a": {}}}),
        ("two", "Update", "", {"f:data": {"f:b": {}}}),
    ]


def test_an_apply_that_changes_nothing_is_not_stored(rig: Rig) -> None:
    rig.apply("configmaps", "c", {"data": {"a": "1"}})
    before = rig.store.revision
    rig.apply("configmaps", "c", {"data": {"a": "1"}})

    assert before == rig.store.revision


def test_clients_send_back_what_they_read(rig: Rig) -> None:
    rig.send("create", "configmaps", body={"metadata": {"name": "c"}, "data": {"a": "1"}})
    stored = rig.store.get(SCHEME.resolve("configmaps").key("default", "c"))
    assert stored is not None
    body = to_dict(rig.server.managed_fields.shown(stored))
    assert body["metadata"]["managedFields"]
    body["data"]["b"] = "2"
    rig.send("update", "configmaps", "c", body=body, manager="two")

    assert rig.owners("configmaps", "c") == [
        ("me", "Update", "", {"f:data": {".": {}, "f:a": {}}}),
        ("two", "Update", "", {"f:data": {"f:b": {}}}),
    ]


def test_reset(rig: Rig) -> None:
    rig.apply("configmaps", "c", {"data": {"a": "1"}})
    rig.merge("configmaps", "c", {"metadata": {"managedFields": [{}]}})
    rig.merge("configmaps", "c", {"data": {"b": "1"}})

    assert rig.owners("configmaps", "c") == []


@pytest.mark.parametrize(
    "entry",
    [
        {"operation": "Create"},
        {"apiVersion": ""},
        {"fieldsType": ""},
        {"fieldsType": "FieldsV2"},
        {"fieldsV1": {"f:data": 1}},
        {"fieldsV1": ["f:data"]},
        {"fieldsV1": {"": {}}},
        {"fieldsV1": {"data": {}}},
        {"fieldsV1": {"k:{": {}}},
        {"fieldsV1": {"k:[]": {}}},
        {"fieldsV1": {"v:[": {}}},
        {"fieldsV1": {"i:x": {}}},
    ],
    ids=str,
)
def test_entries_that_cannot_be_understood_change_nothing(rig: Rig, entry: dict[str, Any]) -> None:
    good = {"manager": "z", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {}}
    rig.apply("configmaps", "c", {"data": {"a": "1"}}, manager="one")
    rig.merge("configmaps", "c", {"metadata": {"managedFields": [good | entry]}})

    assert rig.owners("configmaps", "c") == [("one", "Apply", "", {"f:data": {"f:a": {}}})]


def test_path_elements_of_unknown_sorts_are_left_out(rig: Rig) -> None:
    fields: dict[str, Any] = {"f:data": {"q:a": {}, "f:a": {}}}
    entry = {"manager": "z", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields}
    rig.send("create", "configmaps", body={"metadata": {"name": "c"}, "data": {"a": "1"}})
    rig.merge("configmaps", "c", {"metadata": {"managedFields": [entry]}})

    assert rig.owners("configmaps", "c") == [("z", "Update", "", {"f:data": {"f:a": {}}})]


def test_entries_are_the_same_however_they_are_asked_for(rig: Rig) -> None:
    rig.send("create", "configmaps", body={"metadata": {"name": "c"}, "data": {"a": "1"}})
    seen = []
    for at in range(5):
        rig.merge("configmaps", "c", {"data": {f"k{at}": "x"}}, manager=f"m{at % 2}")
        if at % 2:
            seen.append(rig.entries("configmaps", "c"))
    fresh = type(rig.server.managed_fields)(rig.store)
    stored = rig.store.get(SCHEME.resolve("configmaps").key("default", "c"))
    assert stored is not None

    assert fresh.entries(stored) == rig.entries("configmaps", "c")
    assert len(seen) == 2


def test_like_objects_share_one_set_and_unlike_ones_do_not(rig: Rig) -> None:
    like = {"clusterIP": "None", "ports": [{"port": 80}]}
    bodies: dict[str, Any] = {
        "one": {"metadata": {"name": "one"}, "spec": like},
        "two": {"metadata": {"name": "two"}, "spec": like},
        "port": {"metadata": {"name": "port"}, "spec": {**like, "ports": [{"port": 81}]}},
        "label": {"metadata": {"name": "label", "labels": {"a": "b"}}, "spec": like},
        "generated": {"metadata": {"name": "generated", "generateName": "gen"}, "spec": like},
    }
    for body in bodies.values():
        rig.send("create", "services", body=body)
    rig.send("create", "services", body={"metadata": {"name": "other"}, "spec": like}, manager="other")
    rig.clock.advance(60.0)
    rig.send("create", "services", body={"metadata": {"name": "later"}, "spec": like})
    names = (*bodies, "other", "later")

    together = {name: rig.entries("services", name) for name in names}

    alone, sets = {}, {}
    for name in names:
        stored = rig.store.get(SCHEME.resolve("services").key("default", name))
        assert stored is not None
        alone[name] = ManagedFields(rig.store).entries(stored)
        (owned,) = rig.server.managed_fields.of(stored).values()
        sets[name] = owned.fields
    assert together == alone
    assert sets["one"] is sets["two"] is sets["later"]
    assert together["one"] == together["two"]
    assert together["one"][0]["fieldsV1"] == together["later"][0]["fieldsV1"]
    assert together["one"][0]["time"] != together["later"][0]["time"]
    assert together["other"][0]["manager"] == "other"
    assert all(together[name] != together["one"] for name in ("port", "label", "generated"))


def test_history_that_was_compacted(rig: Rig) -> None:
    rig.send("create", "configmaps", body={"metadata": {"name": "c"}, "data": {"a": "1"}})
    rig.merge("configmaps", "c", {"data": {"b": "1"}}, manager="two")
    rig.store.compact(rig.store.revision)
    rig.merge("configmaps", "c", {"data": {"c": "1"}}, manager="three")

    assert ("three", "Update", "", {"f:data": {"f:c": {}}}) in rig.owners("configmaps", "c")


VERBS = [
    ("create", "", "", "application/json", "create@me"),
    ("update", "status", "", "application/json", "update/status@me"),
    ("patch", "", "", APPLY_PATCH, "apply@me"),
    ("patch", "scale", "test", MERGE_PATCH, "patch/scale"),
]


@pytest.mark.parametrize(("what", "subresource", "manager", "content_type", "expected"), VERBS)
def test_verbs(what: str, subresource: str, manager: str, content_type: str, expected: str) -> None:
    resource = SCHEME.resolve("deployments")
    options = RequestOptions(field_manager=manager or "me")
    request = Request(what, resource, "n", "d", subresource, None, content_type, options, user_agent="test/1.0")

    found = verb(request)

    assert expected == found
    parsed = parse_verb(found, "test")
    assert (expected.partition("@")[0].partition("/")[0], subresource, manager or "me") == parsed[:3]
