"""Security contexts of pods and containers, and the annotations that came before them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from k8snb.api.gotext import quote
from k8snb.api.types import core_v1 as core
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import (
    Path,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    reject,
    required,
    too_long,
)
from k8snb.apiserver.validation.metadata import Errors
from k8snb.apiserver.validation.volume_sources import descending_path

APPARMOR_PREFIX: Final = "container.apparmor.security.beta.kubernetes.io/"
SECCOMP_POD: Final = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP_PREFIX: Final = "container.seccomp.security.alpha.kubernetes.io/"
_PROFILES: Final = ("Localhost", "RuntimeDefault", "Unconfined")
_SYSCTL_PATTERN: Final = r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_is_sysctl = re.compile(_SYSCTL_PATTERN).fullmatch
_MAX_PROFILE_PATH: Final = 4095
_MAX_CREDENTIAL_SPEC: Final = 64 * 1024
_is_netbios = re.compile(r'[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}').fullmatch
_is_windows_domain = re.compile(
    r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
).fullmatch
_NOT_ON_WINDOWS: Final = "cannot be set for a windows pod"


def containers_with_path(spec: core.PodSpec, path: Path) -> Iterator[tuple[Any, Path]]:
    """All containers of a pod: init, regular, ephemeral."""
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for index, container in enumerate(getattr(spec, field)):
            yield container, (path / field)[index]


def seccomp(profile: core.SeccompProfile | None, path: Path, errors: Errors) -> None:
    """A ``seccompProfile``."""
    if profile is None:
        return
    if not profile.type:
        errors.append(required(path / "type", "type is required when seccompProfile is set"))
    elif profile.type not in _PROFILES:
        errors.append(not_supported(path / "type", profile.type, _PROFILES))
    file = profile.localhostProfile
    if profile.type == "Localhost":
        if file is None:
            errors.append(required(path / "localhostProfile", "must be set when seccomp type is Localhost"))
        else:
            descending_path(file, path / "localhostProfile", errors)
    elif file is not None:
        errors.append(invalid(path / "localhostProfile", profile, "can only be set when seccomp type is Localhost"))


def apparmor(profile: core.AppArmorProfile | None, path: Path, errors: Errors) -> None:
    """An ``appArmorProfile``."""
    if profile is None:
        return
    file = profile.localhostProfile
    where = path / "localhostProfile"
    if profile.type == "Localhost":
        if file is None:
            errors.append(required(where, "must be set when AppArmor type is Localhost"))
            return
        if file.strip() != file:
            errors.append(invalid(where, file, "must not be padded with whitespace"))
        elif not file:
            errors.append(required(where, "must be set when AppArmor type is Localhost"))
        if len(file.encode()) > _MAX_PROFILE_PATH:
            errors.append(too_long(where, _MAX_PROFILE_PATH))
    elif profile.type in _PROFILES:
        if file is not None:
            errors.append(invalid(where, file, "can only be set when AppArmor type is Localhost"))
    elif not profile.type:
        errors.append(required(path / "type", "type is required when appArmorProfile is set"))
    else:
        errors.append(not_supported(path / "type", profile.type, _PROFILES))


def container_context(context: core.SecurityContext | None, path: Path, errors: Errors, host_users: bool) -> None:
    """``securityContext`` of a container."""
    if context is None:
        return
    for name in ("runAsUser", "runAsGroup"):
        number = getattr(context, name)
        if number is not None:
            reject(errors, path / name, number, names.user_id(number))
    if context.procMount is not None:
        if context.procMount not in ("Default", "Unmasked"):
            errors.append(not_supported(path / "procMount", context.procMount, ("Default", "Unmasked")))
        if host_users and context.procMount == "Unmasked":
            detail = "`hostUsers` must be false to use `Unmasked`"
            errors.append(invalid(path / "procMount", context.procMount, detail))
    seccomp(context.seccompProfile, path / "seccompProfile", errors)
    if context.allowPrivilegeEscalation is False:
        prefix = "cannot set `allowPrivilegeEscalation` to false and"
        if context.privileged:
            errors.append(invalid(path, context, f"{prefix} `privileged` to true"))
        for capability in context.capabilities.add if context.capabilities is not None else ():
            if capability == "CAP_SYS_ADMIN":
                errors.append(invalid(path, context, f"{prefix} `capabilities.Add` CAP_SYS_ADMIN"))
    windows_options(context.windowsOptions, path / "windowsOptions", errors)
    apparmor(context.appArmorProfile, path / "appArmorProfile", errors)


def pod_context(context: core.PodSecurityContext | None, spec: core.PodSpec, path: Path, errors: Errors) -> None:
    """``securityContext`` of a pod."""
    if context is None:
        return
    for name in ("fsGroup", "runAsUser", "runAsGroup"):
        number = getattr(context, name)
        if number is not None:
            reject(errors, path / name, number, names.user_id(number))
    for index, group in enumerate(context.supplementalGroups):
        reject(errors, (path / "supplementalGroups")[index], group, names.user_id(group))
    if spec.shareProcessNamespace and spec.hostPID:
        detail = "ShareProcessNamespace and HostPID cannot both be enabled"
        errors.append(invalid(path / "shareProcessNamespace", True, detail))
    _sysctls(context.sysctls, spec, path / "sysctls", errors)
    for name, allowed in (
        ("fsGroupChangePolicy", ("Always", "OnRootMismatch")),
        ("seccompProfile", None),
        ("supplementalGroupsPolicy", ("Merge", "Strict")),
        ("seLinuxChangePolicy", ("MountOption", "Recursive")),
    ):
        if allowed is None:
            seccomp(context.seccompProfile, path / "seccompProfile", errors)
            windows_options(context.windowsOptions, path / "windowsOptions", errors)
            apparmor(context.appArmorProfile, path / "appArmorProfile", errors)
        elif (policy := getattr(context, name)) is not None and policy not in allowed:
            errors.append(not_supported(path / name, policy, allowed))


def _sysctls(sysctls: tuple[core.Sysctl, ...], spec: core.PodSpec, path: Path, errors: Errors) -> None:
    seen: set[str] = set()
    for index, sysctl in enumerate(sysctls):
        where, name = path[index] / "name", sysctl.name
        if not name:
            errors.append(required(where))
        elif len(name) > 253 or not _is_sysctl(name):
            errors.append(invalid(where, name, f"must have at most 253 characters and match regex ^{_SYSCTL_PATTERN}$"))
        elif name in seen:
            errors.append(duplicate(where, name))
        dotted = name.replace("/", ".")
        if spec.hostNetwork and dotted.startswith("net."):
            errors.append(invalid(where, name, "may not be specified when 'hostNetwork' is true"))
        elif spec.hostIPC and (dotted.startswith(("kernel.shm", "kernel.msg", "fs.mqueue.")) or dotted == "kernel.sem"):
            errors.append(invalid(where, name, "may not be specified when 'hostIPC' is true"))
        seen.add(name)


def windows_options(options: core.WindowsSecurityContextOptions | None, path: Path, errors: Errors) -> None:
    """``windowsOptions``: credential spec and user name."""
    if options is None:
        return
    name, spec, user = options.gmsaCredentialSpecName, options.gmsaCredentialSpec, options.runAsUserName
    if name is not None:
        reject(errors, path / "gmsaCredentialSpecName", name, names.dns_subdomain(name))
    if spec is not None:
        if not spec:
            errors.append(invalid(path / "gmsaCredentialSpec", spec, "gmsaCredentialSpec cannot be an empty string"))
        elif len(spec.encode()) > _MAX_CREDENTIAL_SPEC:
            errors.append(invalid(path / "gmsaCredentialSpec", spec, "gmsaCredentialSpec size must be under 64 KiB"))
    if user is not None:
        reject(errors, path / "runAsUserName", user, _windows_user(user))


def _windows_user(value: str) -> Iterator[str]:
    prefix = "runAsUserName"
    if not value:
        yield f"{prefix} cannot be an empty string"
        return
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in value):
        yield f"{prefix} cannot contain control characters"
        return
    if value.count("\\") > 1:
        yield f"{prefix} cannot contain more than one backslash"
        return
    domain, slash, user = value.rpartition("\\")
    if len(domain) >= 256:
        yield f"{prefix}'s Domain length must be under 256 characters"
    if slash and not (_is_netbios(domain) or _is_windows_domain(domain)):
        yield f"{prefix}'s Domain doesn't match the NetBios nor the DNS format"
    if not user:
        yield f"{prefix}'s User cannot be empty"
    elif len(user) > 104:
        yield f"{prefix}'s User length must not be longer than 104 characters"
    if user and not user.strip(". "):
        yield f"{prefix}'s User cannot contain only periods or spaces"
    if any(char in '"/\\:;|=,+*?<>@[]' for char in user):
        yield f"{prefix}'s User cannot contain the following characters: \"/\\:;|=,+*?<>@[]"


def host_process(spec: core.PodSpec, path: Path, errors: Errors) -> None:
    """Windows HostProcess containers: all of a pod or none, and with the host's network."""
    pod_options = spec.securityContext.windowsOptions if spec.securityContext is not None else None
    of_pod = pod_options.hostProcess if pod_options is not None else None
    count = total = 0
    for container, where in containers_with_path(spec, path):
        total += 1
        context = container.securityContext
        options = context.windowsOptions if context is not None else None
        own = options.hostProcess if options is not None else None
        if of_pod is not None and own is not None and own != of_pod:
            shown = "true" if of_pod else "false"
            detail = f"pod hostProcess value must be identical if both are specified, was {shown}"
            errors.append(invalid(where / "securityContext" / "windowsOptions" / "hostProcess", own, detail))
        count += bool(of_pod if own is None else own)
    if count:
        if count != total:
            detail = "If pod contains any hostProcess containers then all containers must be HostProcess containers"
            errors.append(invalid(path, "", detail))
        if not spec.hostNetwork:
            detail = "hostNetwork must be true if pod contains any hostProcess containers"
            errors.append(invalid(path / "hostNetwork", False, detail))


def host_users(spec: core.PodSpec, path: Path, errors: Errors) -> None:
    """A pod with its own user namespace may not share the host's other namespaces."""
    if spec.securityContext is None or spec.hostUsers is not False:
        return
    for set_, name in ((spec.hostNetwork, "hostNetwork"), (spec.hostPID, "HostPID"), (spec.hostIPC, "HostIPC")):
        if set_:
            errors.append(forbidden(path / name, "when `hostUsers` is false"))
    for container, where in containers_with_path(spec, path):
        if container.volumeDevices:
            errors.append(forbidden(where / "volumeDevices", "when `hostUsers` is false"))


def operating_system(spec: core.PodSpec, path: Path, errors: Errors) -> None:
    """``spec.os`` and the fields that its value forbids."""
    if spec.os is None:
        return
    if not spec.os.name:
        errors.append(required(path / "os" / "name"))
    elif spec.os.name == "linux":
        _linux(spec, path, errors)
    elif spec.os.name == "windows":
        _windows(spec, path, errors)
    else:
        errors.append(not_supported(path / "os", spec.os.name, ("linux", "windows")))


def _linux(spec: core.PodSpec, path: Path, errors: Errors) -> None:
    detail = "windows options cannot be set for a linux pod"
    if spec.securityContext is not None and spec.securityContext.windowsOptions is not None:
        errors.append(forbidden(path / "securityContext" / "windowsOptions", detail))
    for container, where in containers_with_path(spec, path):
        if container.securityContext is not None and container.securityContext.windowsOptions is not None:
            errors.append(forbidden(where / "securityContext" / "windowsOptions", detail))


_WINDOWS_POD: Final = [
    "appArmorProfile",
    "seLinuxOptions",
    ".hostUsers",
    ".hostPID",
    ".hostIPC",
    "seccompProfile",
    "fsGroup",
    "fsGroupChangePolicy",
    "sysctls",
    ".shareProcessNamespace",
    "runAsUser",
    "runAsGroup",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "seLinuxChangePolicy",
]
_WINDOWS_CONTAINER: Final = [
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
]


def _windows(spec: core.PodSpec, path: Path, errors: Errors) -> None:
    if spec.securityContext is not None:
        for name in _WINDOWS_POD:
            of_spec = name.startswith(".")
            value = getattr(spec, name[1:]) if of_spec else getattr(spec.securityContext, name)
            if value is not None and value != ():
                where = path / name[1:] if of_spec else path / "securityContext" / name
                errors.append(forbidden(where, _NOT_ON_WINDOWS))
    for container, where in containers_with_path(spec, path):
        if container.securityContext is not None:
            for name in _WINDOWS_CONTAINER:
                if getattr(container.securityContext, name) is not None:
                    errors.append(forbidden(where / "securityContext" / name, _NOT_ON_WINDOWS))


def legacy_annotations(value: Mapping[str, str], spec: core.PodSpec, path: Path, errors: Errors) -> None:
    """The old seccomp and AppArmor annotations of a pod."""
    if SECCOMP_POD in value:
        _seccomp_text(value[SECCOMP_POD], path / SECCOMP_POD, errors)
    for key, profile in value.items():
        if key.startswith(SECCOMP_PREFIX):
            _seccomp_text(profile, path / key, errors)
    for key, profile in value.items():
        if key.startswith(APPARMOR_PREFIX):
            name = key.removeprefix(APPARMOR_PREFIX)
            if all(container.name != name for container, _ in containers_with_path(spec, path)):
                errors.append(invalid(path[key], name, "container not found"))
            if profile and profile not in ("runtime/default", "unconfined") and not profile.startswith("localhost/"):
                errors.append(invalid(path[key], profile, f"invalid AppArmor profile name: {quote(profile)}"))


def _seccomp_text(profile: str, path: Path, errors: Errors) -> None:
    if profile in ("runtime/default", "docker/default", "unconfined"):
        return
    if profile.startswith("localhost/"):
        descending_path(profile.removeprefix("localhost/"), path, errors)
    else:
        errors.append(invalid(path, profile, "must be a valid seccomp profile"))


def annotations_match(value: Mapping[str, str], spec: core.PodSpec, path: Path, errors: Errors) -> None:
    """Where both the old annotation and the field are given, they must say the same (new pods and templates)."""
    context = spec.securityContext
    of_pod = context.seccompProfile if context is not None else None
    if of_pod is not None and SECCOMP_POD in value:
        _match(value[SECCOMP_POD], of_pod, path / "securityContext" / "seccompProfile", "seccomp", errors)
    for container, where in containers_with_path(spec, path):
        own = container.securityContext.seccompProfile if container.securityContext is not None else None
        key = SECCOMP_PREFIX + container.name
        if own is not None and key in value:
            _match(value[key], own, where / "securityContext" / "seccompProfile", "seccomp", errors)
    if spec.os is not None and spec.os.name == "windows":
        return
    pod_armor = context.appArmorProfile if context is not None else None
    for container, where in containers_with_path(spec, path):
        own_armor = container.securityContext.appArmorProfile if container.securityContext is not None else None
        profile = own_armor or pod_armor
        key = APPARMOR_PREFIX + container.name
        if profile is not None and key in value:
            _match(value[key], profile, where / "securityContext" / "appArmorProfile", "apparmor", errors)


def _match(text: str, profile: Any, path: Path, what: str, errors: Errors) -> None:
    defaults = ("runtime/default", "docker/default") if what == "seccomp" else ("runtime/default",)
    allowed = {"Unconfined": ("unconfined",), "RuntimeDefault": defaults}.get(profile.type)
    if allowed is not None:
        if text not in allowed:
            errors.append(forbidden(path / "type", f"{what} type in annotation and field must match"))
    elif profile.type == "Localhost":
        if not text.startswith("localhost/"):
            errors.append(forbidden(path / "type", f"{what} type in annotation and field must match"))
        elif text.removeprefix("localhost/") != profile.localhostProfile:
            errors.append(forbidden(path / "localhostProfile", f"{what} profile in annotation and field must match"))
