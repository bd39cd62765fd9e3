"""The file system of a container: the image's files, what was written over them, and the volumes mounted into it.

Contents are text. A volume is a plain dict from relative paths to texts, shared by every container that mounts it.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

Store = dict[str, str]
"""A volume's files by relative path; a path that ends with a slash is an empty directory."""

DIRECTORIES = ("/", "/bin", "/dev", "/dev/shm", "/etc", "/home", "/mnt", "/opt", "/proc", "/root", "/run", "/sbin", "/srv",
               "/sys", "/tmp", "/usr", "/usr/bin", "/usr/local", "/usr/local/bin", "/usr/share", "/usr/src", "/var", "/var/lib", "/var/log",
               "/var/run", "/var/tmp")  # fmt: skip
"""Directories that every image has."""


class Mount(msgspec.Struct, frozen=True, gc=False):
    """A volume (or, with ``file``, one file of it) at a path of the container."""

    path: str
    store: Store
    prefix: str = ""
    read_only: bool = False
    file: str = ""

    def __deepcopy__(self, memo: dict[int, object]) -> Mount:
        store = memo.get(id(self.store))
        if store is None:
            store = memo[id(self.store)] = dict(self.store)
        return msgspec.structs.replace(self, store=store)


class ReadOnly(Exception):
    """A write to a read-only mount."""


class NoDirectory(Exception):
    """A write into a directory that does not exist."""


class Files:
    """A container's file system; paths are absolute."""

    __slots__ = ("base", "mounts", "own")

    def __init__(self, base: Mapping[str, str], mounts: list[Mount]) -> None:
        self.base = base
        self.own: dict[str, str | None] = {}
        self.mounts = sorted(mounts, key=lambda m: len(m.path), reverse=True)

    def _mount(self, path: str) -> tuple[Mount, str] | None:
        for mount in self.mounts:
            if path == mount.path:
                return mount, mount.file or mount.prefix.rstrip("/")
            if not mount.file and path.startswith(mount.path.rstrip("/") + "/"):
                return mount, mount.prefix + path[len(mount.path.rstrip("/")) + 1 :]
        return None

    def read(self, path: str) -> str | None:
        """The content of a file, None when there is none."""
        found = self._mount(path)
        if found is not None:
            mount, name = found
            return mount.store.get(name)
        if path in self.own:
            return self.own[path]
        return self.base.get(path)

    def exists(self, path: str) -> bool:
        """Whether there is a file or directory of that name."""
        return self.read(path) is not None or self.is_directory(path)

    def is_directory(self, path: str) -> bool:
        """Whether there is a directory of that name."""
        path = path.rstrip("/") or "/"
        if path in DIRECTORIES:
            return True
        found = self._mount(path)
        if found is not None:
            mount, name = found
            if mount.file:
                return False
            below = f"{name.rstrip('/')}/" if name else ""
            return path == mount.path.rstrip("/") or any(key.startswith(below) for key in mount.store)
        if any(m.path.startswith(path + "/") for m in self.mounts):
            return True
        below = path + "/"
        if any(key.startswith(below) and value is not None for key, value in self.own.items()):
            return True
        return any(key.startswith(below) and self.own.get(key, "") is not None for key in self.base)

    def write(self, path: str, text: str, append: bool = False) -> None:
        """Write a file; raises ``ReadOnly`` or ``NoDirectory``."""
        if path.startswith("/dev/") and path != "/dev/termination-log" and not path.startswith("/dev/shm/"):
            return
        if not self.is_directory(path.rpartition("/")[0] or "/"):
            raise NoDirectory(path)
        before = (self.read(path) or "") if append else ""
        found = self._mount(path)
        if found is None:
            self.own[path] = before + text
            return
        mount, name = found
        if mount.read_only:
            raise ReadOnly(path)
        mount.store[name] = before + text

    def mkdir(self, path: str, parents: bool = False) -> bool:
        """Make a directory; False when it cannot be made (it is there, or its parent is not)."""
        path = path.rstrip("/")
        if self.exists(path):
            return parents
        parent = path.rpartition("/")[0] or "/"
        if not self.is_directory(parent) and (not parents or not self.mkdir(parent, parents=True)):
            return False
        found = self._mount(path)
        if found is None:
            self.own[path + "/"] = ""
        elif found[0].read_only:
            raise ReadOnly(path)
        else:
            found[0].store[found[1].rstrip("/") + "/"] = ""
        return True

    def remove(self, path: str) -> None:
        """Remove a file, or a directory with all that is in it."""
        found = self._mount(path)
        if found is not None:
            mount, name = found
            if mount.read_only:
                raise ReadOnly(path)
            below = f"{name.rstrip('/')}/"
            for key in [k for k in mount.store if k == name or k.startswith(below)]:
                del mount.store[key]
            return
        below = path.rstrip("/") + "/"
        for key in [k for k in (*self.own, *self.base) if k == path or k.startswith(below)]:
            self.own[key] = None

    def list(self, path: str) -> tuple[str, ...]:
        """The names in a directory, sorted."""
        path = path.rstrip("/")
        names: dict[str, None] = {}
        found = self._mount(path or "/")
        if found is not None:
            mount, name = found
            below = f"{name.rstrip('/')}/" if name else ""
            keys = [k[len(below) :] for k in mount.store if k.startswith(below)]
        else:
            below = path + "/"
            keys = [k[len(below) :] for k, v in self.own.items() if v is not None and k.startswith(below)]
            keys += [k[len(below) :] for k in self.base if k.startswith(below) and self.own.get(k, "") is not None]
            keys += [d[len(below) :] for d in DIRECTORIES if d.startswith(below) and d != below]
            keys += [m.path[len(below) :] for m in self.mounts if m.path.startswith(below)]
        for key in keys:
            if key.strip("/"):
                names[key.partition("/")[0]] = None
        return tuple(sorted(names))
