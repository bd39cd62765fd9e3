"""A store with a path: what comes back on opening, and what is said when it cannot."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from k8snb.store import (
    Cause,
    CorruptFile,
    Delete,
    ForeignFile,
    NewerFormat,
    Put,
    Store,
    StoreClosed,
    StoreFileError,
    StoreLocked,
    transcript,
)
from k8snb.store.tree import KeyTree
from tests.store.helpers import HandClock, PlainCodec, pairs


def opened(path: Path, clock: HandClock | None = None) -> Store:
    return Store(clock, path=path, sync="normal", codec=PlainCodec())


def fill(store: Store, revisions: int, clock: HandClock | None = None) -> None:
    """Write so many more revisions: creations, changes, a deletion now and then."""
    for revision in range(store.revision + 1, store.revision + revisions + 1):
        if clock is not None:
            clock.now = revision / 4
        key = f"/p/ns-{revision % 3}/{revision % 50}"
        if revision % 11 == 0 and store.get(key) is not None:
            store.delete(key, cause=Cause("me", "delete", (revision - 1,)))
        elif revision % 101 == 0:
            store.txn((), [Put(key, [revision]), Put("/x", [revision])], Cause("me", "swap"))
        else:
            store.put(key, [revision], cause=Cause("me", "update", (revision - 1,)))


def test_opening_again_restores_everything(tmp_path: Path) -> None:
    clock = HandClock(0.1)
    with opened(tmp_path / "lab", clock) as store:
        lease, ended, kept = store.grant(10), store.grant(20), store.grant(30)
        fill(store, 3000, clock)
        store.put("/leased", "x", lease=lease.id)
        store.put("/ended", "x", lease=ended.id)
        store.revoke(ended.id)
        store.keepalive(kept.id)
        store.meta_put("seed", {"a": [1]})
        written = transcript(store, PlainCodec())
        leases = store.leases.all()
        past = {revision: list(store.at(revision)) for revision in (1, 1023, 1024, 2047, 3000)}
        history = store.history("/p/ns-0/0")

    with opened(tmp_path / "lab", clock) as again:
        assert (store.revision, 0) == (again.revision, again.compacted)
        assert written == transcript(again, PlainCodec())
        assert leases == again.leases.all()
        assert past == {revision: list(again.at(revision)) for revision in past}
        assert history == again.history("/p/ns-0/0")
        assert again.meta_get("seed") == {"a": [1]}
        assert again.grant(1).id == 4
        assert again.revoke(lease.id) == 1
        assert store.revision + 2 == again.put("/next", "x").mod_revision
    assert {item.key: item for item in store.list("").items} == {
        item.key: item for item in again.list("", store.revision).items
    }


def test_a_compaction_is_kept(tmp_path: Path) -> None:
    clock = HandClock()
    with opened(tmp_path / "lab", clock) as store:
        store.grant(10)
        store.revoke(1)
        fill(store, 2500, clock)
        store.compact(2100)
        written, state = transcript(store, PlainCodec()), list(store.at(2100))
        gone = next(change.key for change in store.changes(2101) if change.value is None)
        store.keepalive(store.grant(20).id)
        histories = {key: store.history(key) for key in (gone, "/p/ns-0/0", "/p/ns-1/1", "/p/ns-2/2", "/none")}
        leases = store.leases.log
    with opened(tmp_path / "lab") as again:
        assert (again.revision, again.compacted, again.compacted_time) == (2500, 2100, 2100 / 4)
        assert written == transcript(again, PlainCodec())
        assert state == list(again.at(2100))
        assert histories == {key: again.history(key) for key in histories}
        assert leases == again.leases.log
        assert again.grant(1).id == 3
        again.compact(2500)
        for item in again.list("").items:
            again.delete(item.key)
        again.compact(again.revision)
        last = again.revision
    with opened(tmp_path / "lab") as empty:
        assert (last, last, ()) == (empty.revision, empty.compacted, empty.list("").items)
        assert last + 1 == empty.put("/a", 1).create_revision


def test_forks_keep_the_past_that_the_file_loses(tmp_path: Path) -> None:
    with opened(tmp_path / "lab") as store:
        fill(store, 2500)
        written = transcript(store, PlainCodec())
    with opened(tmp_path / "lab") as again:
        fork = again.fork()
        early = again.fork(1500)
        again.compact(2400)
        fill(again, 10)

        assert written == transcript(fork, PlainCodec())
        assert written.startswith(transcript(early, PlainCodec()))
        assert early.path is fork.path is None
        fork.put("/mine", 1)
        assert again.get("/mine") is None
    assert written == transcript(fork.fork(2500), PlainCodec())


def test_a_fork_of_a_fork_keeps_the_past_too(tmp_path: Path) -> None:
    with opened(tmp_path / "lab") as store:
        fill(store, 2500)
        written = transcript(store, PlainCodec())
    with opened(tmp_path / "lab") as again:
        fork = again.fork().fork()
        again.compact(2400)

        assert written == transcript(fork, PlainCodec())


def test_metadata_is_asked_for_at_every_commit(tmp_path: Path) -> None:
    asked: list[str] = []

    def provide() -> dict[str, Any]:
        asked.append("now")
        return {"step": len(asked), "seed": 7}

    with Store(path=tmp_path / "lab", codec=PlainCodec(), meta=provide) as store:
        store.put("/a", 1)
        store.txn((), [Put("/b", 1), Delete("/a")])
        store.compact(1)
        store.grant(1)
        store.meta_provider = None
        store.put("/a", 1)
    with opened(tmp_path / "lab") as again:
        assert (len(asked), {"step": 2, "seed": 7}) == (2, again.meta())


def test_what_cannot_be_written_does_not_happen(tmp_path: Path) -> None:
    with opened(tmp_path / "lab") as store:
        store.put("/a", 1)
        with pytest.raises(TypeError, match="Encoding objects of type object is unsupported"):
            store.put("/a", object())
        with pytest.raises(TypeError):
            store.txn((), [Put("/b", 1), Put("/c", object())])

        assert (store.revision, pairs(store.list("").items)) == (1, [("/a", 1)])
        store.put("/a", 2)
    with opened(tmp_path / "lab") as again:
        assert (again.revision, pairs(again.list("").items)) == (2, [("/a", 2)])


def test_a_write_that_was_interrupted_after_it_reached_the_file(tmp_path: Path) -> None:
    with opened(tmp_path / "lab") as store:
        store.put("/a", 1)
        with patch.object(KeyTree, "set", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
            store.put("/a", 2)
        with pytest.raises(StoreFileError, match="it already has this revision: an earlier write was interrupted"):
            store.put("/a", 3)
    with opened(tmp_path / "lab") as again:
        assert (again.revision, pairs(again.list("").items)) == (2, [("/a", 2)])


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    with opened(tmp_path / "lab") as store:
        fill(store, 2000)
    with opened(tmp_path / "lab") as store:
        pass
    store.close()
    with pytest.raises(StoreClosed, match="lab: this store was closed; open the file again with a new one"):
        store.put("/a", 1)
    with pytest.raises(StoreClosed):
        list(store.changes(1))
    assert store.revision == 2000
    assert store.get("/a") is None


def test_a_file_is_opened_once(tmp_path: Path) -> None:
    path = tmp_path / "lab"
    with opened(path) as store:
        store.put("/a", 1)
        with pytest.raises(StoreLocked) as caught:
            opened(path)
        script = f"from k8snb.store import Store; Store(path={os.fspath(path)!r})"
        other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        store.put("/a", 2)

    assert str(caught.value) == (
        f"{path}: another cluster has this file open; close that one (or restart the kernel it runs in), "
        "or give this cluster a path of its own"
    )
    assert f"StoreLocked: {caught.value}" in other.stderr
    with opened(path) as again:
        assert again.revision == 2


def text_file(path: Path) -> None:
    path.write_text("apiVersion: v1\nkind: Pod\n" * 20)


def other_database(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE cells (id INTEGER)")
    db.close()


def newer(path: Path) -> None:
    opened(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()


def overwritten(path: Path) -> None:
    with opened(path) as store:
        fill(store, 400)
    data = bytearray(path.read_bytes())
    data[4096:-4096] = b"\xa5" * (len(data) - 8192)
    path.write_bytes(data)


def flipped(path: Path) -> None:
    with opened(path) as store:
        store.put("/a", "precious")
    path.write_bytes(path.read_bytes().replace(b"precious", b"Precious"))


def gap(path: Path) -> None:
    with opened(path) as store:
        fill(store, 20)
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM log WHERE id >> 20 = 7")
    db.close()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (text_file, ForeignFile, "{}: this is not a store's file; it was left as it is: choose another path"),
        (
            other_database,
            ForeignFile,
            "{}: this is a database of some other program; it was left as it is: choose another path",
        ),
        (
            newer,
            NewerFormat,
            "{}: its format is version 99, and this k8snb reads versions up to 1; upgrade k8snb",
        ),
        (overwritten, CorruptFile, "{}: the file is damaged: database disk image is malformed; "),
        (flipped, CorruptFile, "{}: the file is damaged: revision 1 of /a does not match its checksum; "),
        (gap, CorruptFile, "{}: the file is damaged: of revisions 1 to 20 only 19 are there; "),
    ],
)
def test_a_file_that_cannot_be_used_is_left_alone(
    tmp_path: Path, make: Callable[[Path], None], error: type[StoreFileError], message: str
) -> None:
    path = tmp_path / "lab"
    make(path)
    before = path.read_bytes()
    with pytest.raises(error) as caught:
        opened(path)

    assert str(caught.value).startswith(message.format(path))
    assert before == path.read_bytes()
    if error is CorruptFile:
        remedy = "restore it from a copy (with its -wal file, if it has one), or move it away to start afresh"
        assert str(caught.value).endswith(remedy)


def test_damage_in_the_past_is_found_when_the_past_is_read(tmp_path: Path) -> None:
    path = tmp_path / "lab"
    with opened(path) as store:
        store.put("/a", "precious")
        store.put("/a", "new")
        fill(store, 2000)
    path.write_bytes(path.read_bytes().replace(b"precious", b"Precious"))
    with opened(path) as again:
        assert again.revision == 2002
        with pytest.raises(CorruptFile, match="revision 1 of /a does not match its checksum"):
            again.get("/a", 1)


def test_a_value_that_is_whole_but_not_understood(tmp_path: Path) -> None:
    with Store(path=tmp_path / "lab") as store:
        store.put("/a", 1)
    with pytest.raises(StoreFileError) as caught:
        opened(tmp_path / "lab")

    assert str(caught.value).startswith(f"{tmp_path / 'lab'}: revision 1 of /a is whole but not understood (JSON is ")
    assert str(caught.value).endswith("); open the file with the version of k8snb that wrote it")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "{path}: this is a directory; name a file in it"),
        ("none/lab", "{path}: there is no directory {folder}; create it first"),
    ],
)
def test_a_path_where_no_file_can_be(tmp_path: Path, name: str, message: str) -> None:
    path = tmp_path / name
    with pytest.raises(StoreFileError) as caught:
        opened(path)

    assert message.format(path=path, folder=path.parent) == str(caught.value)


def test_sync_is_full_or_normal(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='sync must be "full" or "normal", not \'off\''):
        Store(path=tmp_path / "lab", sync="off")  # type: ignore[arg-type]
    with Store(path=tmp_path / "lab", codec=PlainCodec()) as store:
        store.put("/a", 1)


def test_a_copy_taken_while_it_is_open_is_whole(tmp_path: Path) -> None:
    with opened(tmp_path / "lab") as store:
        fill(store, 300)
        for suffix in ("", "-wal"):
            shutil.copy(tmp_path / f"lab{suffix}", tmp_path / f"copy{suffix}")
        with opened(tmp_path / "copy") as copied:
            assert transcript(store, PlainCodec()) == transcript(copied, PlainCodec())


def test_api_objects_come_back_equal(tmp_path: Path) -> None:
    from k8snb.api.types.core_v1 import Container, Pod, PodSpec
    from k8snb.api.types.meta_v1 import ObjectMeta
    from k8snb.api.unstructured import Unstructured

    pod = Pod(
        metadata=ObjectMeta(name="web", namespace="default", resourceVersion="1"),
        spec=PodSpec(containers=(Container(name="web", image="nginx"),)),
    )
    custom = Unstructured(
        kind="Widget", apiVersion="x.io/v1", metadata=ObjectMeta(name="w"), content={"spec": {"n": 1}}
    )
    with Store(path=tmp_path / "lab", sync="normal") as store:
        store.put("/registry/pods/default/web", pod)
        store.put("/registry/x.io/widgets/w", custom)
        store.put("/registry/ranges/serviceips", {"used": [1, 2]})
    with Store(path=tmp_path / "lab") as again:
        assert {
            "/registry/pods/default/web": pod,
            "/registry/x.io/widgets/w": custom,
            "/registry/ranges/serviceips": {"used": [1, 2]},
        } == dict(pairs(again.list("").items))
