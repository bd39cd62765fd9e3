"""Stores of a cluster's size for the benchmarks to work on."""

from __future__ import annotations

from k8snb.store import Cause, Store

PODS = 150_000
"""Kubernetes' published limit for one cluster."""

CAUSE = Cause("replicaset-controller", "create", (1,))
VALUE = ("value",)


def pod_keys(count: int = PODS, namespaces: int = 10) -> list[str]:
    """Keys of pods as a ReplicaSet would name them, in order of creation, which is not key order."""
    return [f"/registry/pods/ns-{i % namespaces}/web-{(i * 7919) % 1_000_003:06d}" for i in range(count)]


def filled(keys: list[str], rounds: int = 1) -> Store:
    """A store in which every key was put so many times."""
    store = Store()
    put = store.put
    for _ in range(rounds):
        for key in keys:
            put(key, VALUE, None, CAUSE)
    return store
