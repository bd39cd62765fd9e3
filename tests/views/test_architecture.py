"""The architecture map: every box has its texts, its figures are the cluster's, its expressions work, a pod's way is in order."""

from __future__ import annotations

import re

import pytest

from k8snb.addons import ADDONS, CoreDNS
from k8snb.cluster import Cluster
from k8snb.locale import LANGUAGES, text
from k8snb.notebook import Cluster as NotebookCluster
from k8snb.views.architecture import SIGNS, architecture, architecture_text, describe
from k8snb.views.architecture_boxes import BOXES, LAYERS
from k8snb.views.architecture_svg import draw_architecture
from tests.manifests import deployment, pod


@pytest.fixture(scope="module")
def cluster() -> NotebookCluster:
    """Two nodes, a Deployment of two."""
    made = NotebookCluster(nodes=2)
    made.apply(deployment(replicas=2))
    made.settle()
    return made


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_layer_and_box_is_told(language: str) -> None:
    told = [text(f"arch.{part}.{box.id}", language) for box in BOXES for part in ("box", "about")]
    told += [text(f"arch.layer.{layer}{part}", language) for layer in LAYERS for part in ("", ".note", ".about")]

    assert all(told)
    assert {box.layer for box in BOXES} == set(LAYERS)
    assert len({box.id for box in BOXES}) == len(BOXES)


def test_the_figures_are_those_of_the_cluster(cluster: NotebookCluster) -> None:
    view = architecture(cluster)
    found = {(b.id, f.label): f.value for b in view.boxes for f in b.figures}

    assert found["stateless", "Deployment"] == "1"
    assert found["pods", "Pod"] == "2"
    assert found["etcd", "revision"] == str(cluster.revision)
    assert found["apiserver", "requests"] == str(cluster.server.audit.count)
    assert found["scheduler", "placed"] == "2"
    assert found["kubelet", "ready-nodes"] == "2"
    assert found["cni", "cni"] == "vxlan"
    assert found["registry", "images"] == "1"


EXPRESSIONS = [
    pytest.param(box.id, number, id=f"{box.id}-{number}")
    for box in BOXES
    for number in range(len(next(b for b in architecture(Cluster(nodes=1)).boxes if b.id == box.id).figures))
]


@pytest.mark.parametrize(("name", "number"), EXPRESSIONS)
def test_what_a_box_says_to_type_works(cluster: NotebookCluster, name: str, number: int) -> None:
    from k8snb.kubectl import run

    code = architecture(cluster).box(name).figures[number].code
    if code.startswith("%kubectl "):
        result = run(cluster, code.removeprefix("%kubectl "))
        # wget and nslookup need a shell, which the nginx image has; top needs fifteen seconds
        assert result.stderr == "" or name in ("metrics", "dns")
    elif "serve()" not in code:
        assert eval(code, {"cluster": cluster, "print": lambda text: text}) is not None


@pytest.mark.parametrize(
    ("change", "box", "state"),
    [
        (lambda c: None, "stateful", "empty"),
        (lambda c: None, "scheduler", "live"),
        (lambda c: None, "faas", "absent"),
        (lambda c: None, "ci-cd", "absent"),
        (lambda c: None, "cloud", "empty"),
        (lambda c: None, "etcd", "live"),
        (lambda c: c.stop_component("etcd"), "etcd", "stopped"),
        (lambda c: c.stop_component("kube-apiserver"), "apiserver", "stopped"),
        (lambda c: c.stop_component("kube-scheduler"), "scheduler", "stopped"),
        (lambda c: c.stop_component("kube-controller-manager"), "controllers", "stopped"),
    ],
)
def test_a_box_says_what_there_is(cluster: NotebookCluster, change: object, box: str, state: str) -> None:
    fork = cluster.fork()
    change(fork)  # type: ignore[operator]

    assert architecture(fork).box(box).state == state


def test_a_stopped_loop_is_counted(cluster: NotebookCluster) -> None:
    fork = cluster.fork()
    before = architecture(fork).box("controllers").figures[0].value
    fork.stop_component("job-controller")

    assert int(architecture(fork).box("controllers").figures[0].value) == int(before) - 1


def test_the_way_of_a_pod_is_in_order(cluster: NotebookCluster) -> None:
    view = architecture(cluster, cluster.pods[0])

    assert view.order == (
        "kubectl", "apiserver", "etcd", "controllers", "scheduler", "kubelet", "cri", "cni", "registry",
    )  # fmt: skip
    assert [s.message.time for s in view.way] == sorted(s.message.time for s in view.way)
    assert {s.message.revision for s in view.way if s.box == "etcd"} <= set(range(cluster.revision + 1))


def test_a_pod_made_by_hand_needs_no_controller() -> None:
    made = Cluster(nodes=1)
    made.apply(pod("bare"))
    made.settle()

    assert "controllers" not in architecture(made, "pod/bare").order


def test_the_way_ends_where_a_component_is_stopped() -> None:
    made = Cluster(nodes=1)
    made.stop_component("kube-scheduler")
    made.apply(deployment(replicas=1))
    made.settle()

    assert architecture(made, made.pods[0]).order == ("kubectl", "apiserver", "etcd", "controllers")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("projector", [False, True])
def test_the_picture_has_all_boxes_and_signs(cluster: NotebookCluster, language: str, projector: bool) -> None:
    view = architecture(cluster, cluster.pods[0])
    drawn = draw_architecture(view, language, "Box/etcd", projector)

    assert set(re.findall(r'data-ref="Box/([a-z-]+)"', drawn)) == {box.id for box in BOXES}
    assert set(re.findall(r'data-ref="Layer/([a-z]+)"', drawn)) == set(LAYERS)
    assert drawn.count("<circle") == len(view.order)
    assert 'data-ref="Box/etcd" aria-pressed="true"' in drawn
    for box in view.boxes:
        assert f"{SIGNS[box.state]} {text(f'arch.box.{box.id}', language)}"[:6] in drawn


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_text_twin_tells_every_box_and_the_way(cluster: NotebookCluster, language: str) -> None:
    view = architecture(cluster, cluster.pods[0])
    told = architecture_text(view, language)

    assert all(text(f"arch.box.{box.id}", language) in told for box in BOXES)
    assert all(station.text(language) in told for station in view.way)


def test_a_click_shows_what_it_is_what_is_here_and_the_way(cluster: NotebookCluster) -> None:
    view = architecture(cluster, cluster.pods[0])
    stateless = describe(cluster, view, "Box/stateless", "en")
    etcd = describe(cluster, view, "Box/etcd", "en")
    layer = describe(cluster, view, "Layer/core", "en")

    assert [tab["id"] for tab in stateless["tabs"]] == ["why", "objects"]
    assert stateless["tabs"][0]["facts"][1]["code"] == "cluster.deployments"
    assert "default/web" in stateless["tabs"][1]["text"]
    assert [tab["id"] for tab in etcd["tabs"]] == ["why", "way"]
    assert len(layer["tabs"][0]["facts"]) == 1 + sum(box.layer == "core" for box in BOXES)


def test_a_past_moment_has_a_map_too(cluster: NotebookCluster) -> None:
    past = cluster.at(revision=1)
    view, alone = architecture(past, cluster=cluster), architecture(past)

    assert view.box("pods").figures[0].value == "0"
    assert [b.id for b in view.boxes if b.state == "absent"] == [
        b.id for b in architecture(cluster).boxes if b.state == "absent"
    ]
    assert (view.box("controllers").state, alone.box("controllers").state) == ("live", "live")
    assert (
        int(view.box("apiserver").figures[0].value)
        < cluster.server.audit.count
        == int(architecture(cluster).box("apiserver").figures[0].value)
    )


def test_dns_that_runs_as_pods_is_counted() -> None:
    made = Cluster(nodes=2, addons=[*ADDONS, CoreDNS])
    made.settle()

    assert {f.label: f.value for f in architecture(made).box("dns").figures} == {"names": "2", "dns": "2"}
