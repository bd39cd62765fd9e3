"""CSI nodes: which storage drivers run on a node, and what they call it."""

from __future__ import annotations

from msgspec.structs import replace

from k8snb.api.types import storage_v1 as storage
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import SPEC, Path, duplicate, invalid, reject, required
from k8snb.apiserver.validation.metadata import Errors, immutable, nonnegative
from k8snb.apiserver.validation.volume_sources import csi_driver_name

_DRIVERS = SPEC / "drivers"
# Longest node ID since CSI 1.3 (before: 192).
_LONGEST_ID = 256


class CSINodeStrategy(Kind):
    """Decisions about CSI nodes."""

    serves = (("storage.k8s.io/v1", "CSINode"),)
    allow_unconditional_update = False
    checks_as_new = True

    def check(self, obj: storage.CSINode, errors: Errors) -> None:
        """Every driver once, with a node ID and its topology."""
        seen: dict[str, None] = {}
        for index, driver in enumerate(obj.spec.drivers):
            path = _DRIVERS[index]
            csi_driver_name(driver.name, path / "name", errors)
            _node_id(driver.nodeID, path / "nodeID", errors)
            if driver.allocatable is not None:
                nonnegative(driver.allocatable.count, path / "allocatable" / "count", errors)
            if driver.name in seen:
                errors.append(duplicate(path / "name", driver.name))
            seen[driver.name] = None
            _topology(driver.topologyKeys, path, errors)

    def check_update(self, new: storage.CSINode, old: storage.CSINode, errors: Errors) -> None:
        """Drivers come and go, but do not change, but for how many volumes they take."""
        self.check(new, errors)
        for before in old.spec.drivers:
            for after in new.spec.drivers:
                if after.name == before.name:
                    immutable(replace(after, allocatable=None), replace(before, allocatable=None), _DRIVERS, errors)


def _node_id(value: str, path: Path, errors: Errors) -> None:
    if not value:
        errors.append(required(path))
    elif len(value.encode()) > _LONGEST_ID:
        errors.append(invalid(path, value, f"must be {_LONGEST_ID} characters or less"))


def _topology(keys: tuple[str, ...], path: Path, errors: Errors) -> None:
    seen: dict[str, None] = {}
    for key in keys:
        if not key:
            errors.append(required(path))
        if key in seen:
            errors.append(duplicate(path, key))
        seen[key] = None
        reject(errors, path, key, names.qualified_name(key))
