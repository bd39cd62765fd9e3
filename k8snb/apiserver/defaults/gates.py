"""Fields of pods whose feature gates are off in v1.36: the server drops them without a word."""

from __future__ import annotations

from msgspec.structs import replace

from k8snb.api.types import core_v1 as core


def enabled_fields(spec: core.PodSpec) -> core.PodSpec:
    """The pod spec without them (GenericWorkload, ClusterTrustBundleProjection, PodCertificateRequest)."""
    if spec.schedulingGroup is not None:
        spec = replace(spec, schedulingGroup=None)
    for volume in spec.volumes:
        if volume.projected is not None and any(map(_gated, volume.projected.sources)):
            return replace(spec, volumes=tuple(map(_without, spec.volumes)))
    return spec


def _gated(source: core.VolumeProjection) -> bool:
    return source.clusterTrustBundle is not None or source.podCertificate is not None


def _without(volume: core.Volume) -> core.Volume:
    projected = volume.projected
    if projected is None:
        return volume
    sources = tuple(
        replace(source, clusterTrustBundle=None, podCertificate=None) if _gated(source) else source
        for source in projected.sources
    )
    return replace(volume, projected=replace(projected, sources=sources))
