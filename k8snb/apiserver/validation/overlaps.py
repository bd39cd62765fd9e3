"""Warnings about files of one volume that would lie on top of each other.

The server compares texts, not steps of paths, so that ``ab`` overlaps ``a`` as well; and a projected source that names no
files of its own is compared with those of the source before it.  Both are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from k8snb.api.gotext import quote
from k8snb.api.types import core_v1 as core


def overlapping_paths(volumes: Iterable[core.Volume]) -> Iterator[str]:
    """Warnings about config maps, secrets, downward API files and projections of these volumes."""
    for volume in volumes:
        name = quote(volume.name)
        if volume.configMap is not None:
            text = f"volume {name} (ConfigMap {quote(volume.configMap.name or '')})"
            yield from _overlaps([item.path for item in volume.configMap.items], text)
        if volume.secret is not None:
            text = f"volume {name} (Secret {quote(volume.secret.secretName or '')})"
            yield from _overlaps([item.path for item in volume.secret.items], text)
        if volume.downwardAPI is not None:
            yield from _overlaps([item.path for item in volume.downwardAPI.items], f"volume {name} (DownwardAPI)")
        if volume.projected is not None:
            yield from _projected(volume.projected.sources, name)


def _projected(sources: tuple[core.VolumeProjection, ...], name: str) -> Iterator[str]:
    paths: list[str] = []
    text = ""
    known: set[str] = set()
    for source in sources:
        if source == core.VolumeProjection():
            yield f"volume {name} (Projected) has no sources provided"
            continue
        found = _files(source)
        if found is not None:
            text, paths = f"volume {name} (Projected {found[0]})", found[1]
        if paths:
            yield from _overlaps(paths, text)
            own = set(paths)
            yield from _overlaps(sorted([*own, *known]), text)
            known |= own


def _files(source: core.VolumeProjection) -> tuple[str, list[str]] | None:
    """What the source is, and the paths of its files; None when it names none."""
    if source.configMap is not None and source.configMap.items:
        return f"ConfigMap {quote(source.configMap.name or '')}", [item.path for item in source.configMap.items]
    if source.secret is not None and source.secret.items:
        return f"Secret {quote(source.secret.name or '')}", [item.path for item in source.secret.items]
    if source.downwardAPI is not None and source.downwardAPI.items:
        return "DownwardAPI", [item.path for item in source.downwardAPI.items]
    if source.serviceAccountToken is not None:
        return "ServiceAccountToken", [source.serviceAccountToken.path]
    bundle = source.clusterTrustBundle
    if bundle is not None:
        return f"ClusterTrustBundle {quote(bundle.name or bundle.signerName or '')}", [bundle.path]
    return None


def _overlaps(paths: list[str], text: str) -> Iterator[str]:
    seen: dict[str, None] = {}
    for path in paths:
        path = path.rstrip("/")
        other = _overlapped(seen, path)
        if other:
            yield f"{text}: overlapping paths: {quote(path)} with {quote(other)}"
        seen[path] = None


def _overlapped(seen: Iterable[str], path: str) -> str:
    for other in seen:
        if not other or not path:
            return ""
        if other == path or f"{other}/".startswith(path) or f"{path}/".startswith(other):
            return other
    return ""
