"""AppArmor profiles that are still written as annotations become fields when a pod is created."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from k8snb.api.types import core_v1 as core
from k8snb.apiserver.validation.field import METADATA, Path
from k8snb.apiserver.validation.security import APPARMOR_PREFIX, apparmor

if TYPE_CHECKING:
    from k8snb.apiserver.validation.metadata import Errors

_LOCAL = "localhost/"
_KINDS = ("initContainers", "containers", "ephemeralContainers")


def with_profiles(pod: core.Pod) -> tuple[core.Pod, list[str]]:
    """The pod with the fields, and a warning for every annotation that was not given as a field as well."""
    annotations = pod.metadata.annotations
    if not any(key.startswith(APPARMOR_PREFIX) for key in annotations):
        return pod, []
    spec = pod.spec
    if spec.os is not None and spec.os.name == "windows":
        return pod, []
    common = spec.securityContext.appArmorProfile if spec.securityContext is not None else None
    texts: list[str] = []
    changes = {}
    for kind in _KINDS:
        containers = []
        for container in getattr(spec, kind):
            own = container.securityContext
            key = APPARMOR_PREFIX + container.name
            if key in annotations and (own is None or own.appArmorProfile is None):
                profile = _field(annotations[key])
                if profile is None or profile != common:
                    where = (METADATA / "annotations")[key]
                    texts.append(f'{where}: deprecated since v1.30; use the "appArmorProfile" field instead')
                if profile is not None and profile != common:
                    context = replace(own or core.SecurityContext(), appArmorProfile=profile)
                    container = replace(container, securityContext=context)
            containers.append(container)
        changes[kind] = tuple(containers)
    return replace(pod, spec=replace(spec, **changes)), texts


def _field(annotation: str) -> core.AppArmorProfile | None:
    """The profile that an annotation means, None for text that means none."""
    if annotation == "unconfined":
        profile = core.AppArmorProfile(type="Unconfined")
    elif annotation == "runtime/default":
        profile = core.AppArmorProfile(type="RuntimeDefault")
    elif annotation.startswith(_LOCAL):
        profile = core.AppArmorProfile(type="Localhost", localhostProfile=annotation.removeprefix(_LOCAL))
    else:
        return None
    errors: Errors = []
    apparmor(profile, Path("appArmorProfile"), errors)
    return None if errors else profile
