"""The process that `test_kill` kills: writes to a store's file and acknowledges each act on its standard output.

Acts are a pure function of their number, so whoever knows the number knows what the file must hold.
"""

from __future__ import annotations

import os
import sys
from random import Random

from k8snb.store import Cause, Delete, Put, Store
from tests.store.helpers import HandClock, PlainCodec

COMPACTS = 97
"""Every so many acts is a compaction."""


def act(store: Store, clock: HandClock, number: int) -> None:
    """Do act `number` (from 1 on) to a store that has seen all acts before it."""
    chance = Random(number)
    clock.now = number / 8
    cause = Cause("writer", "act", (store.revision,), step=number)
    if number % COMPACTS == 0 and store.revision - 40 > store.compacted:
        store.compact(store.revision - 40)
        return
    kind = chance.choice(["put", "put", "put", "put", "txn", "delete", "grant", "keep", "revoke", "meta"])
    name = f"/p/{chance.randrange(4)}/{chance.randrange(20)}"
    leases = store.leases.all()
    if kind == "txn":
        keys = [f"/t/{key}" for key in range(chance.randrange(1, 40))]
        gone = [Delete(key) for key in keys if store.get(key) is not None and chance.random() < 0.3]
        kept = [Put(key, "x" * chance.randrange(3000)) for key in keys if Delete(key) not in gone]
        store.txn((), [*gone, *kept], cause)
    elif kind == "delete" and store.get(name) is not None:
        store.delete(name, cause=cause)
    elif kind == "grant":
        store.grant(chance.randrange(1, 100))
    elif kind == "keep" and leases:
        store.keepalive(chance.choice(leases).id)
    elif kind == "revoke" and leases:
        store.revoke(chance.choice(leases).id, cause)
    elif kind == "meta":
        store.meta_put("note", number)
    else:
        lease = chance.choice(leases).id if leases and chance.random() < 0.3 else 0
        store.put(name, "y" * chance.choice([1, 100, 20_000]), cause=cause, lease=lease)


def write(path: str, number: int, sync: str) -> None:
    """Open the file and act from `number` on until killed."""
    clock = HandClock()
    with Store(clock, path=path, sync="full" if sync == "full" else "normal", codec=PlainCodec()) as store:
        while True:
            act(store, clock, number)
            os.write(1, b"%d\n" % number)
            number += 1


def main() -> None:
    """For each line `PATH NUMBER SYNC` of standard input fork a writer, say its pid, and say when it is dead."""
    for line in sys.stdin:
        path, number, sync = line.split()
        pid = os.fork()
        if pid == 0:
            write(path, int(number), sync)
        os.write(1, b"pid %d\n" % pid)
        os.waitpid(pid, 0)
        os.write(1, b"dead\n")


if __name__ == "__main__":
    main()
