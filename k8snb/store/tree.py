"""The keys that exist, with prefix listing in key order and copies that cost next to nothing.

Keys are grouped in buckets by everything up to the last "/", so `/registry/pods/default/` is a bucket. A copy of the
tree shares all buckets; a bucket is copied by the first of its sharers to write to it. Within a bucket the sorted order
is only brought up to date when somebody lists, so a write costs two dictionary operations however many keys there are.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from itertools import pairwise

from k8snb.store.types import KeyValue, ListResult

_INSORT_LIMIT = 16
"""Up to so many new keys are inserted one by one; beyond that one merge of two sorted runs is cheaper."""


class _Owner:
    """A token: a bucket may be written in place only by the tree that holds the token the bucket was made with."""

    __slots__ = ()


class Bucket:
    """All keys of one directory: `items` by full key; the sorted keys are kept lazily."""

    __slots__ = ("_fresh", "_gone", "_keys", "items", "owner")

    def __init__(self, owner: _Owner) -> None:
        self.owner = owner
        self.items: dict[str, KeyValue] = {}
        self._keys: list[str] = []
        self._fresh: dict[str, None] = {}  # exist, but are not in _keys yet
        self._gone: dict[str, None] = {}  # are in _keys, but were removed (and may be back, in _fresh)

    def copy(self, owner: _Owner) -> Bucket:
        """A bucket with the same keys that can be written by the holder of `owner`."""
        other = Bucket(owner)
        other.items = self.items.copy()
        other._keys = self._keys.copy()
        other._fresh = self._fresh.copy()
        other._gone = self._gone.copy()
        return other

    def add(self, current: KeyValue) -> None:
        """Take in a key that is not there."""
        self.items[current.key] = current
        self._fresh[current.key] = None

    def remove(self, key: str) -> None:
        """Drop a key that is there."""
        del self.items[key]
        if key in self._fresh:
            del self._fresh[key]
        else:
            self._gone[key] = None

    def keys(self) -> list[str]:
        """All keys in order; belongs to the bucket, not to be changed."""
        keys, fresh, gone = self._keys, self._fresh, self._gone
        if gone:
            if len(gone) <= _INSORT_LIMIT:
                for key in gone:
                    del keys[bisect_left(keys, key)]
            else:
                self._keys = keys = [key for key in keys if key not in gone]
            gone.clear()
        if fresh:
            if len(fresh) <= _INSORT_LIMIT:
                for key in fresh:
                    insort(keys, key)
            else:
                keys.extend(sorted(fresh))
                keys.sort()
            fresh.clear()
        return keys


class KeyTree:
    """A mutable map from key to its current version; `copy` shares everything until one side writes."""

    __slots__ = ("_buckets", "_directories", "_owner")

    def __init__(self) -> None:
        self._owner = _Owner()
        self._buckets: dict[str, Bucket] = {}
        self._directories: list[str] = []  # names of the buckets, sorted

    def copy(self) -> KeyTree:
        """A tree with the same keys; either may change without the other seeing it."""
        other = KeyTree()
        other._buckets = self._buckets.copy()
        other._directories = self._directories.copy()
        self._owner = _Owner()  # from now on neither tree owns the buckets they share
        return other

    def __len__(self) -> int:
        return sum(len(bucket.items) for bucket in self._buckets.values())

    def __iter__(self) -> Iterator[KeyValue]:
        """All versions, directory by directory, in key order inside each."""
        for directory in self._directories:
            bucket = self._buckets[directory]
            yield from map(bucket.items.__getitem__, bucket.keys())

    def get(self, key: str) -> KeyValue | None:
        """The key's version, or None."""
        bucket = self._buckets.get(key[: key.rfind("/") + 1])
        return None if bucket is None else bucket.items.get(key)

    def set(self, current: KeyValue) -> None:
        """Create the key, or replace its version."""
        key = current.key
        directory = key[: key.rfind("/") + 1]
        bucket = self._buckets.get(directory)
        if bucket is None:
            self._buckets[directory] = bucket = Bucket(self._owner)
            insort(self._directories, directory)
        elif bucket.owner is not self._owner:
            self._buckets[directory] = bucket = bucket.copy(self._owner)
        if key in bucket.items:
            bucket.items[key] = current
        else:
            bucket.add(current)

    def remove(self, key: str) -> None:
        """Drop a key that exists."""
        directory = key[: key.rfind("/") + 1]
        bucket = self._buckets[directory]
        if len(bucket.items) == 1:
            del self._buckets[directory]  # a sharer may still need it: leave it as it is
            del self._directories[bisect_left(self._directories, directory)]
            return
        if bucket.owner is not self._owner:
            self._buckets[directory] = bucket = bucket.copy(self._owner)
        bucket.remove(key)

    def list(self, prefix: str, revision: int, limit: int = 0, start: str = "") -> ListResult:
        """The keys with the prefix from `start` on, at most `limit` of them (0: all), in key order."""
        low = max(prefix, start)
        ranges: list[tuple[Bucket, int, int]] = []
        for directory in self._reaching(prefix):
            bucket = self._buckets[directory]
            keys = bucket.keys()
            first = bisect_left(keys, low)
            last = len(keys) if directory.startswith(prefix) else _end_of(keys, prefix, first)
            if first < last:
                ranges.append((bucket, first, last))
        count = sum(last - first for _, first, last in ranges)
        wanted = min(limit, count) if limit else count
        items: list[KeyValue] = []
        if _in_turn([bucket.keys()[first : last : last - first - 1 or 1] for bucket, first, last in ranges]):
            for bucket, first, last in ranges:
                get = bucket.items.__getitem__
                items.extend(map(get, bucket.keys()[first : min(last, first + wanted - len(items))]))
                if len(items) >= wanted:
                    break
        else:  # a directory inside another one: their keys interleave
            for bucket, first, last in ranges:
                get = bucket.items.__getitem__
                items.extend(map(get, bucket.keys()[first : min(last, first + wanted)]))
            items.sort(key=_key)
            del items[wanted:]
        return ListResult(tuple(items), revision, wanted < count, count)

    def _reaching(self, prefix: str) -> Iterator[str]:
        """The directories that can hold keys with the prefix, in order."""
        parent = prefix[: prefix.rfind("/") + 1]
        if parent != prefix and parent in self._buckets:
            yield parent
        directories = self._directories
        at = bisect_left(directories, prefix)
        while at < len(directories) and directories[at].startswith(prefix):
            yield directories[at]
            at += 1


def _key(current: KeyValue) -> str:
    return current.key


def _end_of(keys: list[str], prefix: str, low: int) -> int:
    """The first position from `low` on whose key does not start with the prefix."""
    high = len(keys)
    while low < high:
        middle = (low + high) // 2
        if keys[middle].startswith(prefix):
            low = middle + 1
        else:
            high = middle
    return low


def _in_turn(ends: list[list[str]]) -> bool:
    """Whether each range ends before the next begins; `ends` are the first and the last key of each."""
    return all(one[-1] < two[0] for one, two in pairwise(ends))
