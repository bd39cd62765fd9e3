"""Volume attachments: a volume to be attached to a node, and whether it is."""

from __future__ import annotations

from typing import Any

from k8snb.api.types import storage_v1 as storage
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.strategy import Context
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import (
    SPEC,
    STATUS,
    FieldError,
    Path,
    forbidden,
    invalid,
    reject,
    required,
    too_long,
)
from k8snb.apiserver.validation.metadata import IMMUTABLE, Errors
from k8snb.apiserver.validation.persistent_volumes import volume_spec
from k8snb.apiserver.validation.volume_sources import csi_driver_name

_METADATA_LIMIT = 256 * 1024
_MESSAGE_LIMIT = 1024
_ONE = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"


class VolumeAttachmentStrategy(Kind):
    """Decisions about volume attachments."""

    serves = (("storage.k8s.io/v1", "VolumeAttachment"),)
    has_status = True
    allow_unconditional_update = False

    def validate(self, obj: storage.VolumeAttachment, ctx: Context) -> list[FieldError]:
        """A new attachment; names of driver and volume are judged only now."""
        errors = super().validate(obj, ctx)
        csi_driver_name(obj.spec.attacher, SPEC / "attacher", errors)
        name = obj.spec.source.persistentVolumeName
        if name is not None:
            reject(errors, SPEC / "source" / "persistentVolumeName", name, names.dns_subdomain(name))
        return errors

    def check(self, obj: storage.VolumeAttachment, errors: Errors) -> None:
        """Driver, volume, node, and the status."""
        if not obj.spec.attacher:
            errors.append(required(SPEC / "attacher"))
        _source(obj.spec.source, SPEC / "source", errors)
        reject(errors, SPEC / "nodeName", obj.spec.nodeName, names.dns_subdomain(obj.spec.nodeName))
        _status(obj.status, errors)

    def check_update(self, new: storage.VolumeAttachment, old: storage.VolumeAttachment, errors: Errors) -> None:
        """Only the status changes."""
        self.check(new, errors)
        if new.spec != old.spec:
            errors.append(invalid(SPEC, new.spec, IMMUTABLE))

    def check_status(self, new: storage.VolumeAttachment, old: storage.VolumeAttachment, errors: Errors) -> None:
        """A status update is checked as any other."""
        self.check_update(new, old, errors)


def _source(source: storage.VolumeAttachmentSource, path: Path, errors: Errors) -> None:
    name, inline = source.persistentVolumeName, source.inlineVolumeSpec
    if name is None and inline is None:
        errors.append(required(path, _ONE))
    elif name is not None and inline is not None:
        errors.append(forbidden(path, _ONE))
    elif inline is not None:
        volume_spec(inline, "", True, path / "inlineVolumeSpec", errors)
    elif not name:
        errors.append(required(path / "persistentVolumeName", "must specify non empty persistentVolumeName"))


def _status(status: storage.VolumeAttachmentStatus, errors: Errors) -> None:
    metadata: Any = status.attachmentMetadata
    if metadata and sum(len(key.encode()) + len(text.encode()) for key, text in metadata.items()) > _METADATA_LIMIT:
        errors.append(too_long(STATUS / "attachmentMetadata", _METADATA_LIMIT))
    for field in ("attachError", "detachError"):
        error = getattr(status, field)
        if error is None:
            continue
        if len((error.message or "").encode()) > _MESSAGE_LIMIT:
            errors.append(too_long(STATUS / field / "message", _METADATA_LIMIT))
        if error.errorCode is not None and error.errorCode < 0:
            where = STATUS / field / "errorCode"
            errors.append(invalid(where, error.errorCode, names.in_range(0, names.MAX_INT32)))
