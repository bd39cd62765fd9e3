"""Leases: keys that go when nobody cares for them any more."""

from __future__ import annotations

import pytest

from k8snb.store import Cause, Lease, LeaseNotFound, Store
from tests.store.helpers import HandClock, keys


def test_keys_go_with_their_lease_at_one_revision() -> None:
    clock = HandClock(100.0)
    store = Store(clock)
    lease = store.grant(15)
    store.put("/m/b", 1, lease=lease.id)
    store.put("/m/a", 2, lease=lease.id)
    store.put("/m/c", 3)

    assert Lease(1, 15, 115.0) == lease
    assert store.revoke(lease.id, Cause("etcd", "revoke")) == 2
    assert [(change.revision, change.key, change.cause.actor) for change in store.changes(4)] == [
        (4, "/m/a", "etcd"),
        (4, "/m/b", "etcd"),
    ]
    assert keys(store.list("").items) == ["/m/c"]
    with pytest.raises(LeaseNotFound):
        store.keepalive(lease.id)


def test_a_key_belongs_to_the_lease_it_was_last_put_with() -> None:
    store = Store()
    one, two = store.grant(1), store.grant(2)
    store.put("/moved", 1, lease=one.id)
    store.put("/moved", 2, lease=two.id)
    store.put("/freed", 1, lease=one.id)
    store.put("/freed", 2)
    store.put("/gone", 1, lease=one.id)
    store.delete("/gone")
    store.put("/gone", 2)

    assert store.revoke(one.id) == 0
    assert store.revision == 7
    assert store.revoke(two.id) == 1
    assert keys(store.list("").items) == ["/freed", "/gone"]


def test_leases_expire_by_the_clock_unless_kept_alive() -> None:
    clock = HandClock()
    store = Store(clock)
    long, short, kept = store.grant(20), store.grant(10), store.grant(10)
    for lease in (long, short, kept):
        store.put(f"/{lease.id}", 0, lease=lease.id)
    clock.now = 9.0
    store.keepalive(kept.id)

    assert store.leases.next_expiry() == 10.0
    assert store.expire() == []
    clock.now = 10.0
    assert [short] == store.expire()
    assert store.leases.next_expiry() == 19.0
    assert [kept.id, long.id] == [lease.id for lease in store.expire(20.0)]
    assert (store.leases.next_expiry(), store.leases.all()) == (None, ())
    assert keys(store.list("").items) == []
    assert store.grant(1).id == 4


def test_a_fork_has_the_leases_of_its_time() -> None:
    clock = HandClock()
    store = Store(clock)
    lease = store.grant(10)
    store.put("/a", 1, lease=lease.id)
    now = store.fork()
    store.put("/b", 2, lease=lease.id)
    store.revoke(lease.id)
    past = store.fork(2)
    other = store.grant(99)

    assert (lease,) == now.leases.all() == past.leases.all()
    assert now.revoke(lease.id) == 1
    assert past.revoke(lease.id) == 2
    assert (other,) == store.leases.all()
    assert store.fork(0).leases.past(-1).all() == ()


def test_leases_outlive_a_compaction() -> None:
    store = Store()
    ended, kept = store.grant(10), store.grant(20)
    store.put("/a", 1, lease=kept.id)
    store.revoke(ended.id)
    store.put("/b", 1, lease=kept.id)
    store.compact(1)

    assert (kept,) == store.leases.all() == store.fork(1).leases.all()
    assert store.revoke(kept.id) == 2


def test_an_id_is_never_granted_twice_in_one_past() -> None:
    store = Store()
    store.put("/a", 1)
    store.revoke(store.grant(10).id)
    store.compact(1)
    store.put("/a", 2)
    store.grant(10)

    assert (store.fork(1).grant(1).id, store.fork().grant(1).id) == (2, 3)
