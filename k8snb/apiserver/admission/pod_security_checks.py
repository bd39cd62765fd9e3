"""The checks of the Pod Security Standards, each a pure function of a pod's annotations and spec.

A check returns None when it has nothing to say, else (reason, detail) in upstream's words. `BASELINE` and `RESTRICTED`
are in the order in which the server reports them; a restricted check may replace a baseline one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from k8snb.api.types.core_v1 import PodSpec

Finding = tuple[str, str] | None
Check = Callable[["Mapping[str, str]", "PodSpec"], Finding]

_BASELINE_CAPABILITIES: Final = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
_SYSCTLS: Final = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_wmem",
    }
)
_SELINUX_TYPES: Final = frozenset(("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"))
_VOLUMES: Final = frozenset(
    [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
        "image",
    ]
)
_VOLUME_NAMES: Final = {"glusterfs": "glusterfs", "rbd": "rbd", "iscsi": "iscsi", "nfs": "nfs", "fc": "fc"}
_APPARMOR: Final = "container.apparmor.security.beta.kubernetes.io/"
_HOSTS: Final = frozenset(("", "127.0.0.1", "::1"))


def _containers(spec: PodSpec) -> Iterator[Any]:
    yield from spec.initContainers
    yield from spec.containers
    yield from spec.ephemeralContainers


def _plural(word: str, many: str, count: int) -> str:
    return word if count == 1 else many


def _quoted(items: list[str]) -> str:
    return ", ".join(f'"{item}"' for item in items)


def _named(bad: list[str]) -> str:
    return f"{_plural('container', 'containers', len(bad))} {_quoted(bad)}"


def _windows(spec: PodSpec) -> bool:
    return spec.os is not None and spec.os.name == "windows"


def _setters(pod: bool, bad: list[str]) -> str:
    return " and ".join([*(["pod"] if pod else []), *([_named(bad)] if bad else [])])


def allow_privilege_escalation(_: Mapping[str, str], spec: PodSpec) -> Finding:
    """Restricted: every container says allowPrivilegeEscalation=false."""
    if _windows(spec):
        return None
    bad = [
        c.name
        for c in _containers(spec)
        if c.securityContext is None or c.securityContext.allowPrivilegeEscalation is not False
    ]
    if not bad:
        return None
    return "allowPrivilegeEscalation != false", f"{_named(bad)} must set securityContext.allowPrivilegeEscalation=false"


def app_armor(annotations: Mapping[str, str], spec: PodSpec) -> Finding:
    """Baseline: no unconfined AppArmor profile."""

    def profile(context: Any) -> str:
        return context.appArmorProfile.type if context is not None and context.appArmorProfile is not None else ""

    values: list[str] = []
    pod_type = profile(spec.securityContext)
    pod = pod_type not in ("", "RuntimeDefault", "Localhost")
    if pod:
        values.append(pod_type)
    bad = []
    for c in _containers(spec):
        if (found := profile(c.securityContext)) not in ("", "RuntimeDefault", "Localhost"):
            bad.append(c.name)
            values.append(found)
    details = []
    if pod or bad:
        details.append(f"{_setters(pod, bad)} must not set AppArmor profile type to {_quoted(sorted(set(values)))}")
    forbidden = [
        f'{key}="{value}"'
        for key, value in sorted(annotations.items())
        if key.startswith(_APPARMOR) and value not in ("", "runtime/default") and not value.startswith("localhost/")
    ]
    if forbidden:
        values += forbidden
        word = _plural("annotation", "annotations", len(forbidden))
        details.append(f"{word} {', '.join(forbidden)}")
    if not details:
        return None
    return _plural("forbidden AppArmor profile", "forbidden AppArmor profiles", len(set(values))), " and ".join(details)


def _adding(spec: PodSpec, allowed: frozenset[str]) -> tuple[list[str], list[str]]:
    bad, forbidden = [], set()
    for c in _containers(spec):
        caps = c.securityContext.capabilities if c.securityContext is not None else None
        extra = [name for name in (caps.add if caps is not None else ()) if name not in allowed]
        if extra:
            bad.append(c.name)
            forbidden.update(extra)
    return bad, sorted(forbidden)


def capabilities_baseline(_: Mapping[str, str], spec: PodSpec) -> Finding:
    """Baseline: no capabilities beyond those of a container runtime."""
    bad, forbidden = _adding(spec, _BASELINE_CAPABILITIES)
    if not bad:
        return None
    return (
        "non-default capabilities",
        f"{_named(bad)} must not include {_quoted(forbidden)} in securityContext.capabilities.add",
    )


def capabilities_restricted(_: Mapping[str, str], spec: PodSpec) -> Finding:
    """Restricted: all capabilities dropped, only NET_BIND_SERVICE added."""
    if _windows(spec):
        return None
    details = []
    missing = [
        c.name
        for c in _containers(spec)
        if c.securityContext is None
        or c.securityContext.capabilities is None
        or "ALL" not in c.securityContext.capabilities.drop
    ]
    if missing:
        details.append(f'{_named(missing)} must set securityContext.capabilities.drop=["ALL"]')
    bad, forbidden = _adding(spec, frozenset(("NET_BIND_SERVICE",)))
    if bad:
        details.append(f"{_named(bad)} must not include {_quoted(forbidden)} in securityContext.capabilities.add")
    return ("unrestricted capabilities", "; ".join(details)) if details else None


def host_namespaces(_: Mapping[str, str], spec: PodSpec) -> Finding:
    """Baseline: no host network, process or IPC namespace."""
    found = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if getattr(spec, name)]
    return ("host namespaces", ", ".join(found)) if found else None


def host_path(_: Mapping[str, str], spec: PodSpec) -> Finding:
    """Baseline: no hostPath volumes."""
    bad = [v.name for v in spec.volumes if v.hostPath is not None]
    return ("hostPath volumes", f"{_plural('volume', 'volumes', len(bad))} {_quoted(bad)}") if bad else None


def host_ports(_: Mapping[str, str], spec: PodSpec) -> Finding:
    """Baseline: no host ports."""
    bad, ports = [], set()
    for c in _containers(spec):
        used = [str(p.hostPort) for p in c.ports if p.hostPort]
        if used:
            bad.append(c.name)
            ports.update(used)
    if not bad:
        return None
    words = f"{_plural('uses', 'use', len(bad))} {_plural('hostPort', 'hostPorts', len(ports))}"
    return "hostPort", f"{_named(bad)} {words} {', '.join(sorted(ports))}"


def _handlers(container: Any) -> Iterator[Any]:
    for probe in (container.livenessProbe, container.readinessProbe, container.startupProbe):
        if probe is not None:
            yield probe
    if container.lifecycle is not None:
        for hook in (container.lifecycle.postStart, container.lifecycle.preStop):
            if hook is not None:
                yield hook


def host_probes(_: Mapping[str, str], spec: PodSpec) -> Finding:
    """Baseline: probes and lifecycle hooks ask the pod itself, not another host."""
    bad, hosts = [], set()
    for c in _containers(spec):
        found = {
            action.host
            for handler in _handlers(c)
            for action in (handler.httpGet, handler.tcpSocket)
            if action is not None and (action.host or "") not in _HOSTS
        }
        if found:
            bad.append(c.name)
            hosts |= found
    if not bad:
        return None
    words = f"{_plural('uses', 'use', len(bad))} {_plural('probe or lifecycle host', 'probe or lifecycle hosts', len(hosts))}"
    return "probe or lifecycle host", f"{_named(bad)} {words} {_quoted(sorted(hosts))}"


def privileged(_: Mapping[str, str], spec: PodSpec) -> Finding:
    """Baseline: no privileged containers."""
    bad = [c.name for c in _containers(spec) if c.securityContext is not None and c.securityContext.privileged]
    return ("privileged", f"{_named(bad)} must not set securityContext.privileged=true") if bad else None


def proc_mount(_: Mapping[str, str], spec: PodSpec) -> Finding:
    """Baseline: the default /proc mount, unless the pod has a user namespace."""
    if spec.hostUsers is False:
        return None
    bad, values = [], set()
    for c in _containers(spec):
        found = c.securityContext.procMount if c.securityContext is not None else None
        if found and found != "Default":
            bad.append(c.name)
            values.add(found)
    if not bad:
        return None
    return "procMount", f"{_named(bad)} must not set securityContext.procMount to {_quoted(sorted(values))}"


def restricted_volumes(_: Mapping[str, str], spec: PodSpec) -> Finding:
    """Restricted: only volumes that come from the cluster itself."""
    bad, kinds = [], set()
    for v in spec.volumes:
        source = next((f for f in v.__struct_fields__ if f != "name" and getattr(v, f) is not None), "")
        if source not in _VOLUMES:
            bad.append(v.name)
            kinds.add(_VOLUME_NAMES.get(source, source) or "unknown")
    if not bad:
        return None
    many = _plural("restricted volume type", "restricted volume types", len(kinds))
    words = f"{_plural('volume', 'volumes', len(bad))} {_quoted(bad)} {_plural('uses', 'use', len(bad))} {many}"
    return "restricted volume types", f"{words} {_quoted(sorted(kinds))}"


def run_as_non_root(_: Mapping[str, str], spec: PodSpec) -> Finding:
    """Restricted: containers may not run as root."""
    of_pod = spec.securityContext.runAsNonRoot if spec.securityContext is not None else None
    explicit, implicit = [], []
    for c in _containers(spec):
        own = c.securityContext.runAsNonRoot if c.securityContext is not None else None
        if own is False:
            explicit.append(c.name)
        elif own is None and not of_pod:
            implicit.append(c.name)
    if of_pod is False or explicit:
        setters = _setters(of_pod is False, explicit)
        return "runAsNonRoot != true", f"{setters} must not set securityContext.runAsNonRoot=false"
    if implicit:
        return "runAsNonRoot != true", f"pod or {_named(implicit)} must set securityContext.runAsNonRoot=true"
    return None


def run_as_user(_: Mapping[str, str], spec: PodSpec) -> Finding:
    """Restricted: not user 0."""
    if spec.hostUsers is False:
        return None
    pod = spec.securityContext is not None and spec.securityContext.runAsUser == 0
    bad = [c.name for c in _containers(spec) if c.securityContext is not None and c.securityContext.runAsUser == 0]
    return ("runAsUser=0", f"{_setters(pod, bad)} must not set runAsUser=0") if pod or bad else None


def se_linux(_: Mapping[str, str], spec: PodSpec) -> Finding:
    """Baseline: SELinux types of containers only, no user or role."""
    types: set[str] = set()
    user = role = False

    def judge(context: Any) -> bool:
        nonlocal user, role
        options = context.seLinuxOptions if context is not None else None
        if options is None:
            return False
        bad_type = (options.type or "") not in _SELINUX_TYPES
        if bad_type:
            types.add(options.type)
        user = user or bool(options.user)
        role = role or bool(options.role)
        return bool(bad_type or options.user or options.role)

    pod = judge(spec.securityContext)
    bad = [c.name for c in _containers(spec) if judge(c.securityContext)]
    if not pod and not bad:
        return None
    data = []
    if types:
        data.append(f"{_plural('type', 'types', len(types))} {_quoted(sorted(types))}")
    if user:
        data.append("user may not be set")
    if role:
        data.append("role may not be set")
    return "seLinuxOptions", f"{_setters(pod, bad)} set forbidden securityContext.seLinuxOptions: {'; '.join(data)}"


def _seccomp(context: Any) -> str | None:
    return context.seccompProfile.type if context is not None and context.seccompProfile is not None else None


def _unconfined(spec: PodSpec) -> Finding:
    allowed = (None, "", "RuntimeDefault", "Localhost")
    of_pod = _seccomp(spec.securityContext)
    values = {of_pod} if of_pod not in allowed else set()
    bad = []
    for c in _containers(spec):
        if (own := _seccomp(c.securityContext)) not in allowed:
            bad.append(c.name)
            values.add(own)
    if not values:
        return None
    setters = _setters(of_pod not in allowed, bad)
    listed = _quoted(sorted(str(value) for value in values))
    return "seccompProfile", f"{setters} must not set securityContext.seccompProfile.type to {listed}"


def seccomp_baseline(_: Mapping[str, str], spec: PodSpec) -> Finding:
    """Baseline: no unconfined seccomp profile."""
    return _unconfined(spec)


def seccomp_restricted(_: Mapping[str, str], spec: PodSpec) -> Finding:
    """Restricted: a seccomp profile is set."""
    if _windows(spec):
        return None
    found = _unconfined(spec)
    if found is not None:
        return found
    if _seccomp(spec.securityContext):
        return None
    implicit = [c.name for c in _containers(spec) if not _seccomp(c.securityContext)]
    if not implicit:
        return None
    return (
        "seccompProfile",
        f'pod or {_named(implicit)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"',
    )


def sysctls(_: Mapping[str, str], spec: PodSpec) -> Finding:
    """Baseline: only sysctls that stay within the pod."""
    context = spec.securityContext
    bad = [item.name for item in (context.sysctls if context is not None else ()) if item.name not in _SYSCTLS]
    return ("forbidden sysctls", ", ".join(bad)) if bad else None


def windows_host_process(_: Mapping[str, str], spec: PodSpec) -> Finding:
    """Baseline: no Windows host processes."""

    def hosted(context: Any) -> bool:
        options = context.windowsOptions if context is not None else None
        return options is not None and bool(options.hostProcess)

    pod = hosted(spec.securityContext)
    bad = [c.name for c in _containers(spec) if hosted(c.securityContext)]
    if not pod and not bad:
        return None
    return "hostProcess", f"{_setters(pod, bad)} must not set securityContext.windowsOptions.hostProcess=true"


BASELINE: Final[tuple[Check, ...]] = (
    app_armor,
    capabilities_baseline,
    host_namespaces,
    host_path,
    host_ports,
    host_probes,
    privileged,
    proc_mount,
    se_linux,
    seccomp_baseline,
    sysctls,
    windows_host_process,
)
_REPLACED: Final = (capabilities_baseline, host_path, seccomp_baseline)
RESTRICTED: Final[tuple[Check, ...]] = (
    *(check for check in BASELINE if check not in _REPLACED),
    allow_privilege_escalation,
    capabilities_restricted,
    restricted_volumes,
    run_as_non_root,
    run_as_user,
    seccomp_restricted,
)
LEVELS: Final[dict[str, tuple[Check, ...]]] = {"privileged": (), "baseline": BASELINE, "restricted": RESTRICTED}
