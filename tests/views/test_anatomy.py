"""A Pod from inside: what is shared, what is each container's own, probes and restarts as they are counted."""

from __future__ import annotations

import pytest

from k8snb.api.errors import APIError
from k8snb.cluster import Cluster
from k8snb.views.anatomy import AnatomyView, Room, anatomy, size_text
from k8snb.views.anatomy_svg import draw_anatomy
from k8snb.views.anatomy_text import anatomy_text
from tests.manifests import deployment

PAIR = """apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
data: {greeting: hello}
---
apiVersion: v1
kind: Pod
metadata: {name: pair}
spec:
  volumes: [{name: pages, emptyDir: {}}, {name: conf, configMap: {name: conf}}]
  initContainers:
  - name: setup
    image: busybox:1.36
    command: [sh, -c, "echo prepared > /pages/index.html"]
    volumeMounts: [{name: pages, mountPath: /pages}]
  - {name: log, image: "busybox:1.36", restartPolicy: Always, command: [sleep, infinity]}
  containers:
  - name: web
    image: nginx:1.27
    ports: [{containerPort: 80, name: http}, {containerPort: 9113}]
    volumeMounts: [{name: pages, mountPath: /usr/share/nginx/html, readOnly: true}]
    readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 5}
    livenessProbe: {httpGet: {path: /health, port: 80}, periodSeconds: 10, initialDelaySeconds: 20}
    resources: {requests: {cpu: 100m, memory: 32Mi}, limits: {memory: 64Mi}}
  - name: writer
    image: busybox:1.36
    command: [sh, -c, "sleep 20; echo changed > /pages/index.html; sleep 9999"]
    securityContext: {runAsUser: 1000}
    volumeMounts: [{name: pages, mountPath: /pages}, {name: conf, mountPath: /etc/conf}]
"""


def pair(seconds: float = 15.0) -> Cluster:
    cluster = Cluster(nodes=1)
    cluster.apply(PAIR)
    cluster.run(seconds)
    return cluster


def room(view: AnatomyView, name: str) -> Room:
    return next(r for r in view.rooms if r.name == name)


def test_what_is_shared_and_what_is_not() -> None:
    view = anatomy(pair(), "pod/pair")
    web, writer = room(view, "web"), room(view, "writer")

    assert [(r.name, r.role, r.state) for r in view.rooms] == [
        ("setup", "init", "done"), ("log", "sidecar", "ready"), ("web", "app", "ready"), ("writer", "app", "ready"),
    ]  # fmt: skip
    assert (web.user, writer.user) == ("0", "1000")
    assert len({r.pid_namespace for r in view.rooms if r.processes}) == 3
    assert len({r.mount_namespace for r in view.rooms if r.processes}) == 3
    assert [p.command for p in writer.processes][-1] == "sleep 20"
    assert [(m.path, m.volume, m.read_only) for m in writer.mounts[:2]] == [
        ("/pages", "pages", False),
        ("/etc/conf", "conf", True),
    ]
    assert [(p.number, p.name, p.bind) for p in web.ports] == [(80, "http", "0.0.0.0"), (9113, "", "")]
    assert (view.addresses, view.hostname, view.pause, view.qos) == (("10.244.0.2",), "pair", "ready", "Burstable")
    assert (web.used, web.limit) == (8 * 1024**2, 64 * 1024**2)


def test_volumes_show_their_files_as_they_are() -> None:
    cluster = pair()
    before = {v.name: v for v in anatomy(cluster, "pod/pair").volumes}
    cluster.run(20)
    after = {v.name: v for v in anatomy(cluster, "pod/pair").volumes}

    assert before["pages"].files == (("index.html", "prepared"),)
    assert after["pages"].files == (("index.html", "changed"),)
    assert before["conf"].files == (("greeting", "hello"),)
    assert (before["pages"].kind, before["pages"].users) == ("emptyDir", ("setup", "web", "writer"))


def test_probes_are_counted() -> None:
    cluster = pair()
    early = {p.sort: (p.state, p.run) for p in room(anatomy(cluster, "pod/pair"), "web").probes}
    cluster.run(20)
    late = {p.sort: (p.state, p.run) for p in room(anatomy(cluster, "pod/pair"), "web").probes}
    cluster.run(25)
    after = room(anatomy(cluster, "pod/pair"), "web")

    assert early == {"Readiness": ("passed", 0), "Liveness": ("waiting", 0)}
    assert late["Liveness"] == ("failing", 1)
    assert after.restarts == 1


def test_a_crash_and_its_back_off() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: bad}\nspec:\n  containers:\n"
        "  - {name: c, image: busybox, command: [sh, -c, 'sleep 1; exit 3']}\n"
    )
    cluster.run(30)
    bad = room(anatomy(cluster, "bad"), "c")

    assert (bad.state, bad.word, bad.ended, bad.code) == ("problem", "CrashLoopBackOff", "Error", 3)
    assert bad.processes == ()
    assert bad.back > cluster.now


def test_shared_namespaces_are_told() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: s}\nspec:\n  shareProcessNamespace: true\n  hostUsers: false\n"
        "  containers: [{name: a, image: nginx}, {name: b, image: busybox, command: [sleep, '999']}]\n"
    )
    cluster.settle()
    view = anatomy(cluster, "pod/s")

    assert (view.shared_pid, view.own_users) == (True, True)
    assert room(view, "a").pid_namespace == room(view, "b").pid_namespace != 0
    assert next(p.pid for p in room(view, "a").processes) == 7
    assert "shareProcessNamespace" in anatomy_text(view, "en")
    assert "hostUsers: false" in draw_anatomy(view, "zh")


def test_a_pod_of_a_controller_says_so_and_one_that_waits_has_no_inside() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(deployment(replicas=1))
    cluster.settle()
    owned = anatomy(cluster, cluster.pods[0])
    cluster.apply(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: w}\nspec: {nodeSelector: {a: b}, containers: [{name: c, image: nginx}]}\n"
    )
    cluster.settle()
    waiting = anatomy(cluster, "pod/w")

    assert owned.owner.startswith("ReplicaSet/web-")
    assert (waiting.node, waiting.inside, waiting.addresses) == ("", False, ())
    assert "no node yet" in anatomy_text(waiting, "en")


def test_a_past_moment_shows_what_the_api_tells() -> None:
    cluster = pair()
    view = anatomy(cluster.at(cluster.revision), "pod/pair")

    assert view.inside is False
    assert room(view, "web").processes == ()
    assert [r.state for r in view.rooms] == ["done", "ready", "ready", "ready"]
    assert "present only" in anatomy_text(view, "en")


def test_looking_changes_nothing() -> None:
    cluster, other = pair(), pair()
    for _ in range(3):
        draw_anatomy(anatomy(cluster, "pod/pair"), "en")
        cluster.run(5)
        other.run(5)

    assert cluster.revision == other.revision
    assert anatomy(cluster, "pod/pair") == anatomy(other, "pod/pair")


def test_no_such_pod() -> None:
    with pytest.raises(APIError, match='pods "nobody" not found'):
        anatomy(Cluster(nodes=1), "pod/nobody")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_picture_and_text_tell_the_same(language: str) -> None:
    view = anatomy(pair(35), "pod/pair")
    drawn, told = draw_anatomy(view, language), anatomy_text(view, language)

    assert drawn.count('data-ref="Room/') == len(view.rooms)
    assert drawn.count('data-ref="Volume/') == len(view.volumes)
    for one in view.rooms:
        assert f" {one.name}" in told
        assert all(mount.volume in told for mount in one.mounts)
    assert "✗ Liveness" in told
    assert "✗ Liveness" in drawn


@pytest.mark.parametrize(
    ("value", "shown"), [(512, "512"), (8 * 1024**2, "8.0Mi"), (3 * 1024**3 // 2, "1.5Gi"), (2048, "2.0Ki")]
)
def test_sizes(value: int, shown: str) -> None:
    assert size_text(value) == shown
