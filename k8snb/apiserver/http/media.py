"""Media types: which one a body has, and which one a client wants back."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from k8snb.api import errors
from k8snb.api.request import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
ACCEPTED = (JSON, YAML, PROTOBUF)
"""What the real server names in its complaints; of these, protobuf is not spoken here."""
PATCHES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, APPLY_PATCH)
_DISCOVERY = "APIGroupDiscoveryList"


class Output(msgspec.Struct, frozen=True, gc=False):
    """The form of an answer: `type` JSON or YAML; `as_kind` "", "Table", "PartialObjectMetadata", … with its version."""

    type: str = JSON
    as_kind: str = ""
    version: str = ""

    @property
    def content_type(self) -> str:
        """The Content-Type header."""
        if self.as_kind == _DISCOVERY:
            return f"{self.type};g=apidiscovery.k8s.io;v={self.version};as={self.as_kind}"
        return self.type


def input_type(headers: Mapping[str, str]) -> str:
    """The media type of the body; APIError 415 for one that is not known. No header means JSON."""
    given = headers.get("content-type", "")
    if not given:
        return JSON
    kind = given.partition(";")[0].strip().lower()
    if kind not in (JSON, YAML):
        raise errors.unsupported_media_type(ACCEPTED)
    return kind


def patch_type(headers: Mapping[str, str]) -> str:
    """The kind of patch; APIError 415 as the router gives it."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in PATCHES:
        raise errors.APIError(415, "UnsupportedMediaType", "415: Unsupported Media Type", errors.Details())
    return kind


def output(headers: Mapping[str, str], *, transforms: bool = False, discovery: bool = False) -> Output:
    """The first form that the client accepts and the server has; APIError 406.

    `transforms` allows tables and metadata-only answers, `discovery` the aggregated lists.
    """
    accept = headers.get("accept", "")
    if not accept.strip():
        return Output()
    for part in by_quality(accept):
        kind, parameters = part
        if kind in ("*/*", "application/*"):
            kind = JSON
        if kind not in (JSON, YAML):
            continue
        wanted = parameters.get("as", "")
        if not wanted:
            return Output(kind)
        group, version = parameters.get("g", ""), parameters.get("v", "")
        if discovery and wanted == _DISCOVERY and group == "apidiscovery.k8s.io" and version == "v2":
            return Output(kind, wanted, version)
        if (
            transforms
            and group == "meta.k8s.io"
            and version in ("v1", "v1beta1")
            and wanted in ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")
        ):
            return Output(kind, wanted, version)
    raise errors.not_acceptable(ACCEPTED)


def by_quality(accept: str) -> list[tuple[str, dict[str, str]]]:
    """The media types of an Accept header with their parameters, the most wanted first."""
    found = []
    for index, clause in enumerate(accept.split(",")):
        kind, *rest = (item.strip() for item in clause.split(";"))
        parameters = {}
        quality = 1.0
        for item in rest:
            name, _, value = item.partition("=")
            if name.strip() == "q":
                try:
                    quality = float(value)
                except ValueError:
                    quality = 0.0
            else:
                parameters[name.strip()] = value.strip().strip('"')
        if quality > 0:
            found.append((-quality, index, kind.lower(), parameters))
    found.sort(key=lambda item: item[:2])
    return [(kind, parameters) for _, _, kind, parameters in found]
