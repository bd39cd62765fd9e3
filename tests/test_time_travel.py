"""Looking back, forking, comparing, and coming out the same every time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from k8snb.cluster import Cluster
from k8snb.store import transcript
from tests.manifests import SHOP, deployment

ROOT = Path(__file__).parents[1]


def busy(seed: int = 0) -> Cluster:
    """A script with a rollout, a crash and a lost node."""
    cluster = Cluster(nodes=3, seed=seed)
    cluster.apply(SHOP)
    cluster.settle()
    cluster.patch("deployment", "web", {"spec": {"template": {"metadata": {"annotations": {"v": "2"}}}}}, "shop")
    cluster.step(7)
    cluster.break_container(f"{cluster.pods.namespace('shop')[0].metadata.name}", namespace="shop")
    cluster.break_node("worker-2")
    cluster.run(200)
    return cluster


def test_the_same_script_gives_the_same_history() -> None:
    assert transcript(busy().store) == transcript(busy().store)


def test_another_seed_gives_other_names() -> None:
    assert [p.metadata.name for p in busy(1).pods] != [p.metadata.name for p in busy(2).pods]


def test_the_history_does_not_depend_on_the_hash_seed() -> None:
    script = "import hashlib; from tests.test_time_travel import busy, transcript; print(hashlib.sha256(transcript(busy().store)).hexdigest())"

    def digest(hash_seed: str) -> str:
        env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [sys.executable, "-c", script], env=env, cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout

    assert digest("1") == digest("4242")


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 4, 5, 8, 13, 21, 34])
def test_a_fork_goes_on_as_its_origin_does_from_any_step(steps: int) -> None:
    cluster = Cluster(nodes=2)
    cluster.apply(deployment(replicas=3))
    cluster.step(steps)
    other = cluster.fork()
    cluster.run(60)
    other.run(60)

    assert transcript(other.store) == transcript(cluster.store)
    assert repr(cluster.diff(other)) == "no difference"


def test_a_fork_and_its_origin_do_not_touch_each_other() -> None:
    cluster = Cluster(nodes=2)
    cluster.apply(deployment(replicas=2))
    cluster.settle()
    before = transcript(cluster.store)
    other = cluster.fork()
    other.scale("deployment", "web", 0)
    other.settle()

    assert transcript(cluster.store) == before
    gone = [d.kind for d in cluster.diff(other) if not d.path and d.right is None]
    assert gone == ["Pod", "Pod"]


def test_the_past_can_be_read_at_any_revision_and_time() -> None:
    cluster = Cluster(nodes=1)
    empty = cluster.revision
    cluster.apply(deployment(replicas=2))
    applied = cluster.revision
    start = cluster.now
    cluster.settle()

    assert len(cluster.at(empty).deployments) == 0
    assert cluster.at(applied).deployments.names == ["web"]
    assert len(cluster.at(applied).pods) == 0
    assert [p.status.phase for p in cluster.at(time=start + 1).pods] == ["Pending", "Pending"]
    assert [p.status.phase for p in cluster.at(time=cluster.now).pods] == ["Running", "Running"]
    assert len(cluster.at(applied).history) < len(cluster.history)


def test_a_cluster_with_a_path_opens_again_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "cluster.db"
    cluster = Cluster(nodes=2, seed=5, path=path)
    cluster.apply(deployment(replicas=2))
    cluster.settle()
    revision, now = cluster.revision, cluster.now
    names = cluster.pods.names
    cluster.close()
    again = Cluster(path=path)

    assert (again.revision >= revision, again.pods.names, again.now >= now - 1) == (True, names, True)
    again.scale("deployment", "web", 3)
    again.settle()
    assert sorted(p.status.phase for p in again.pods) == ["Running"] * 3
    again.close()


def test_a_branch_goes_on_from_a_past_revision() -> None:
    cluster = Cluster(nodes=2)
    cluster.apply(deployment(replicas=2))
    cluster.settle()
    past, then, steps = cluster.revision, cluster.now, cluster.runtime.steps
    cluster.scale("deployment", "web", 5)
    cluster.settle()
    present = transcript(cluster.store)
    branch = cluster.branch(past)
    kept = (branch.revision, branch.now, branch.pods.names, branch.runtime.steps)
    branch.scale("deployment", "web", 1)
    branch.settle()

    assert kept == (past, then, cluster.at(past).pods.names, steps)
    assert [p.status.phase for p in branch.pods] == ["Running"]
    assert branch.pods[0].metadata.name in cluster.at(past).pods.names
    assert transcript(cluster.store) == present


def test_branches_of_a_revision_are_alike() -> None:
    cluster = busy()
    past = cluster.revision // 2

    def future() -> bytes:
        branch = cluster.branch(past)
        branch.scale("deployment", "web", 5, "shop")
        branch.run(60)
        return transcript(branch.store)

    assert future() == future()


def test_a_branch_settles_where_its_origin_did() -> None:
    cluster = Cluster(nodes=2)
    cluster.apply(deployment(replicas=3))
    cluster.step(6)
    middle = cluster.revision
    cluster.settle()
    branch = cluster.branch(middle)
    branch.settle()

    assert [(p.status.phase, p.spec.containers) for p in branch.pods] == [
        (p.status.phase, p.spec.containers) for p in cluster.pods
    ]


def test_a_branch_keeps_its_own_controllers_and_lag(tmp_path: Path) -> None:
    with Cluster(nodes=1, controllers=[], watch_lag=0.5, caught_up_gate=False, path=tmp_path / "c.db") as cluster:
        cluster.run(10)
        branch = cluster.branch(time=5)

        assert (branch.now <= 5, branch.store.path) == (True, None)
        assert (branch.runtime.watch_lag, branch.runtime.gate) == (0.5, False)
        assert [w.name for w in branch.runtime.workers] == [w.name for w in cluster.runtime.workers]


def test_a_snapshot_can_be_forked_and_goes_on_from_its_moment() -> None:
    cluster = Cluster(nodes=2)
    cluster.apply(deployment(replicas=2))
    cluster.settle()
    cluster.run(20)
    snapshot = cluster.at(time=15)
    cluster.scale("deployment", "web", 5)
    cluster.settle()
    present = transcript(cluster.store)
    fork = snapshot.fork()
    names, now = fork.pods.names, fork.now
    fork.apply(deployment(name="other", replicas=1))
    fork.settle()

    assert (names, now) == (snapshot.pods.names, 15)
    assert sorted(p.status.phase for p in fork.pods) == ["Running"] * 3
    assert [p.status.containerStatuses[0].restartCount for p in fork.pods] == [0, 0, 0]
    assert transcript(cluster.store) == present
    assert fork.at(snapshot.revision).pods.names == names


@pytest.mark.parametrize("part", range(1, 8))
def test_a_fork_of_any_past_moment_comes_to_the_same_end(part: int) -> None:
    cluster = Cluster(nodes=3)
    cluster.apply(deployment(replicas=4))
    begin = cluster.revision
    cluster.settle()
    fork = cluster.at(begin + (cluster.revision - begin) * part // 8).fork()
    fork.settle()

    assert [p.status.phase for p in fork.pods] == ["Running"] * 4
    assert len({p.status.podIP for p in fork.pods}) == 4
    assert sorted(p.spec.nodeName for p in fork.pods if p.spec.nodeName in cluster.nodes.names) == sorted(
        p.spec.nodeName for p in fork.pods
    )
