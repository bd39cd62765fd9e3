"""The scheme: names, scopes, store keys; and the generated modules, which must be what the generator writes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from k8snb.api import _generate
from k8snb.api.schema import plan, type_named
from k8snb.api.scheme import SCHEME, Resource, UnknownKind
from k8snb.api.types import core_v1, events_v1
from k8snb.api.types._index import KINDS

ROOT = Path(__file__).parent.parent.parent
GOLDEN = ROOT / "tests" / "golden"


def test_generated_modules_are_up_to_date(tmp_path: Path) -> None:
    api = GOLDEN / "api"
    sources = [api / "schema.json", api / "proto.json", GOLDEN / "workloads" / "podtemplate-types.json"]
    _generate.main([*map(str, sources), str(api / "discovery"), str(tmp_path)])
    kept = ROOT / "k8snb" / "api" / "types"

    stale = [file.name for file in sorted(tmp_path.iterdir()) if file.read_text() != (kept / file.name).read_text()]

    assert stale == []


def test_every_kind_of_the_schema_has_a_type_and_a_plan() -> None:
    schema = json.loads((GOLDEN / "api" / "schema.json").read_text())
    kinds = [f"{gv}/{kind}" for gv, names in schema["kinds"].items() for kind, name in names.items()]
    here = [name for name in kinds if name in KINDS]

    # The types shared by all groups (DeleteOptions, WatchEvent …) are listed under every group version.
    assert {"DeleteOptions", "WatchEvent", "Status"} >= {name.rpartition("/")[2] for name in kinds if name not in KINDS}
    for name in here:
        type_ = type_named(*name.rsplit("/", 1))
        assert type_ is not None
        assert name.rpartition("/")[2] == type_().kind
        assert list(plan(type_).fields)[:2] == ["kind", "apiVersion"]


def test_discovery_is_reproduced() -> None:
    wrong = []
    for file in sorted((GOLDEN / "api" / "discovery").glob("api*.v*.json")):
        document = json.loads(file.read_text())
        if document["kind"] != "APIResourceList":
            continue
        group, _, version = document["groupVersion"].rpartition("/")
        for item in document["resources"]:
            plural, _, sub = item["name"].partition("/")
            resource = SCHEME.by_gvr[group, version, plural]
            if sub:
                found = resource.subresources[sub]
                expected = (item["kind"], tuple(item["verbs"]))
                wrong += [item["name"]] if expected != (found.kind, found.verbs) else []
            elif (item["kind"], item["namespaced"], item["singularName"]) != (
                resource.kind,
                resource.namespaced,
                resource.singular,
            ):
                wrong.append(item["name"])

    assert wrong == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("po", "pods"),
        ("pods", "pods"),
        ("pod", "pods"),
        ("Pod", "pods"),
        ("v1/Pod", "pods"),
        ("deploy", "deployments.apps"),
        ("deploy.apps", "deployments.apps"),
        ("deployments.v1.apps", "deployments.apps"),
        ("apps/v1/Deployment", "deployments.apps"),
        ("ing.networking", "ingresses.networking.k8s.io"),
        ("ev", "events"),
        ("events.events.k8s.io", "events.events.k8s.io"),
        ("hpa", "horizontalpodautoscalers.autoscaling"),
        ("sts", "statefulsets.apps"),
    ],
)
def test_every_name_a_person_uses(name: str, expected: str) -> None:
    assert expected == SCHEME.resolve(name).qualified


def test_the_newest_autoscaling_is_preferred() -> None:
    assert SCHEME.resolve("hpa").api_version == "autoscaling/v2"


@pytest.mark.parametrize(("name", "hint"), [("deploymnt", "deployments.apps"), ("podd", "pods"), ("zzz", None)])
def test_an_unknown_name_says_what_may_have_been_meant(name: str, hint: str | None) -> None:
    with pytest.raises(UnknownKind) as caught:
        SCHEME.resolve(name)

    assert (
        (hint in str(caught.value))
        if hint
        else str(caught.value) == f'the server doesn\'t have a resource type "{name}"'
    )


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("pods", "/registry/pods/ns/x"),
        ("nodes", "/registry/minions/x"),
        ("services", "/registry/services/specs/ns/x"),
        ("endpoints", "/registry/services/endpoints/ns/x"),
        ("ingresses", "/registry/ingress/ns/x"),
        ("rc", "/registry/controllers/ns/x"),
        ("deployments", "/registry/deployments/ns/x"),
        ("leases", "/registry/leases/ns/x"),
        ("crd", "/registry/apiextensions.k8s.io/customresourcedefinitions/x"),
    ],
)
def test_store_keys_are_those_of_real_clusters(kind: str, expected: str) -> None:
    resource = SCHEME.resolve(kind)

    assert expected == resource.key("ns", "x")
    assert expected.startswith(resource.list_prefix("ns"))


def test_types_and_objects_find_their_resource() -> None:
    assert SCHEME.of(core_v1.Event).qualified == "events"
    assert SCHEME.of(events_v1.Event()).qualified == "events.events.k8s.io"
    assert SCHEME.for_manifest({"apiVersion": "v1", "kind": "Namespace"}).qualified == "namespaces"


def test_custom_resources_come_and_go_without_changing_the_scheme() -> None:
    widget = Resource("x.io", "v1", "Widget", "widgets", "widget", True, ("wd",), custom=True)
    more = SCHEME.register(widget)

    assert (widget, "/registry/x.io/widgets/ns/w") == (more.resolve("wd"), widget.key("ns", "w"))
    assert len(SCHEME.resources) == len(more.unregister("x.io", "widgets").resources)
    with pytest.raises(UnknownKind):
        SCHEME.resolve("wd")


def test_importing_the_package_loads_no_types() -> None:
    code = "import sys, k8snb.api; print([m for m in sys.modules if m.startswith('k8snb.api.types.') ])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)

    assert done.stdout.strip() == "[]"
