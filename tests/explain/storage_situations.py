"""Situations of claims and volumes for ``test_every_fact``: each yields a cluster when something is to be explained."""

from __future__ import annotations

from collections.abc import Iterator

from k8snb.addons import CSIDriver
from k8snb.cluster import Cluster
from tests.controllers.test_volumes import bare, claim, user, volume


def claims_that_no_volume_fits() -> Iterator[Cluster]:
    """One volume for each thing that may not fit."""
    cluster = bare(nodes=1)
    cluster.create(claim(storageClassName=""))
    cluster.settle()
    yield cluster
    for body in (
        volume("small", "1Mi"),
        volume("other", storageClassName="other"),
        volume("modes", modes=("ReadOnlyMany",)),
        volume("block", volumeMode="Block"),
        volume("labels"),
    ):
        cluster.create(body)
    cluster.create(claim("picky", selector={"matchLabels": {"tier": "gold"}}))
    cluster.create(claim("named", volumeName="nowhere"))
    cluster.create(claim("lost", volumeName="deleted"))
    cluster.create(user("nothing", "no-such-claim"))
    cluster.create(user("waiting", "picky"))
    cluster.settle()
    yield cluster
    for number in range(3):
        cluster.create(volume(f"more-{number}", "1Mi"))
    cluster.settle()
    yield cluster


def the_life_of_a_volume() -> Iterator[Cluster]:
    """Free, reserved, bound, in use, being deleted, released, failed, lost."""
    cluster = bare(nodes=1)
    cluster.create(volume("a"))
    cluster.create(volume("b", claimRef={"namespace": "default", "name": "later"}))
    cluster.create(volume("c", persistentVolumeReclaimPolicy="Delete", storageClassName="c"))
    cluster.settle()
    yield cluster
    cluster.create(claim())
    cluster.create(claim("doomed", storageClassName="c"))
    cluster.create(user())
    cluster.settle()
    cluster.create(claim("second", selector={"matchLabels": {"never": "there"}}))
    cluster.settle()
    yield cluster
    cluster.delete("pvc/data")
    cluster.delete("pvc/doomed")
    cluster.delete("pv/b")
    cluster.settle()
    cluster.delete("pv/a")
    cluster.settle()
    yield cluster
    cluster.create(volume("again"))
    cluster.create(claim("first"))
    cluster.settle()
    cluster.delete("pvc/first")
    cluster.create(claim("next"))
    cluster.settle()
    yield cluster
    cluster.create(volume("soon"))
    cluster.step(2)
    yield cluster
    cluster.settle()
    cluster.patch("pv", "soon", {"metadata": {"finalizers": None}}, patch_type="merge")
    cluster.delete("pv/soon")
    cluster.settle()
    yield cluster


def a_volume_that_is_held() -> Iterator[Cluster]:
    """A volume that is being deleted while a claim and another claim want it."""
    cluster = bare()
    cluster.create(volume("a"))
    cluster.create(claim())
    cluster.settle()
    cluster.delete("pv/a")
    held = volume("held")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    cluster.create(held)
    cluster.settle()
    cluster.delete("pv/held")
    cluster.create(claim("other"))
    cluster.settle()
    yield cluster


def volumes_on_demand() -> Iterator[Cluster]:
    """Classes with and without provisioner, with and without pods."""
    cluster = Cluster(nodes=1, addons=[*Cluster(nodes=0).addons, CSIDriver()])
    for name, provisioner in (("hand", "kubernetes.io/no-provisioner"), ("slow", "nobody.example.com")):
        cluster.create(
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {"name": name},
                "provisioner": provisioner,
            }
        )
    for name in ("standard", "hand", "slow", "fast"):
        cluster.create(claim(name, storageClassName=name))
    cluster.create(claim("wide", storageClassName="standard", accessModes=["ReadWriteMany"]))
    cluster.step(3)
    yield cluster
    cluster.run(0.5)
    yield cluster
    cluster.settle()
    yield cluster
    cluster.create(user("one", "standard"))
    cluster.create(user("two", "wide"))
    yield cluster
    cluster.run(1.5)
    yield cluster
    cluster.settle()
    cluster.patch("pvc", "fast", {"spec": {"resources": {"requests": {"storage": "2Gi"}}}})
    yield cluster


STORAGE = (claims_that_no_volume_fits, the_life_of_a_volume, a_volume_that_is_held, volumes_on_demand)
