"""Probes and lifecycle hooks of containers: exactly one handler, sensible numbers."""

from __future__ import annotations

from typing import Any, Final

from k8snb.api.types import core_v1 as core
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import Path, forbidden, invalid, not_supported, reject, required
from k8snb.apiserver.validation.metadata import Errors, nonnegative

_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
_THRESHOLDS: Final = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_WINDOWS_SIGNALS: Final = ("SIGKILL", "SIGTERM")
_SIGNALS: Final = (
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE",
    "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU",
    "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX",
)  # fmt: skip
_LINUX_SIGNALS: Final = tuple(
    sorted(
        (
            *(f"SIG{name}" for name in _SIGNALS),
            *(f"SIGRTMIN+{number}" for number in range(1, 16)),
            *(f"SIGRTMAX-{number}" for number in range(1, 15)),
        )
    )
)


def port(value: int | str, path: Path, errors: Errors) -> None:
    """A port by number or by the name of a container's port."""
    if isinstance(value, str):
        reject(errors, path, value, names.port_name(value))
    else:
        reject(errors, path, value, names.port_number(value))


def _handler(handler: Any, grace: int | None, path: Path, errors: Errors) -> None:
    found = False
    for name in _HANDLERS:
        action = getattr(handler, name, None)
        if action is None:
            continue
        if found:
            errors.append(forbidden(path / name, "may not specify more than 1 handler type"))
            continue
        found = True
        where = path / name
        if name == "exec":
            if not action.command:
                errors.append(required(where / "command"))
        elif name == "httpGet":
            _http(action, where, errors)
        elif name == "sleep":
            if grace is not None and not 0 <= action.seconds <= grace:
                detail = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
                errors.append(invalid(where, action.seconds, detail))
        else:
            port(action.port, where / "port", errors)
    if not found:
        errors.append(required(path, "must specify a handler type"))


def _http(action: core.HTTPGetAction, path: Path, errors: Errors) -> None:
    if not action.path:
        errors.append(required(path / "path"))
    port(action.port, path / "port", errors)
    if action.scheme not in ("HTTP", "HTTPS"):
        errors.append(not_supported(path / "scheme", action.scheme or "", ("HTTP", "HTTPS")))
    for header in action.httpHeaders:
        reject(errors, path / "httpHeaders", header.name, names.http_header_name(header.name))


def _probe(probe: core.Probe, grace: int | None, path: Path, errors: Errors) -> None:
    _handler(probe, grace, path, errors)
    for name in _THRESHOLDS:
        nonnegative(getattr(probe, name), path / name, errors)
    seconds = probe.terminationGracePeriodSeconds
    if seconds is not None and seconds <= 0:
        errors.append(invalid(path / "terminationGracePeriodSeconds", seconds, "must be greater than 0"))


def probes(container: core.Container, grace: int | None, path: Path, errors: Errors) -> None:
    """The three probes of a container, in the server's order."""
    if container.livenessProbe is not None:
        _once(container.livenessProbe, grace, path / "livenessProbe", errors)
    readiness = container.readinessProbe
    if readiness is not None:
        _probe(readiness, grace, path / "readinessProbe", errors)
        seconds = readiness.terminationGracePeriodSeconds
        if seconds is not None:
            where = path / "readinessProbe" / "terminationGracePeriodSeconds"
            errors.append(invalid(where, seconds, "must not be set for readinessProbes"))
    if container.startupProbe is not None:
        _once(container.startupProbe, grace, path / "startupProbe", errors)


def _once(probe: core.Probe, grace: int | None, path: Path, errors: Errors) -> None:
    """A liveness or startup probe: one success is enough."""
    _probe(probe, grace, path, errors)
    if probe.successThreshold != 1:
        errors.append(invalid(path / "successThreshold", probe.successThreshold or 0, "must be 1"))


def lifecycle(value: core.Lifecycle, grace: int | None, os: core.PodOS | None, path: Path, errors: Errors) -> None:
    """Hooks and the stop signal; the signal needs ``spec.os.name``."""
    if value.postStart is not None:
        _handler(value.postStart, grace, path / "postStart", errors)
    if value.preStop is not None:
        _handler(value.preStop, grace, path / "preStop", errors)
    if value.stopSignal is not None:
        where = path / "stopSignal"
        if os is None:
            errors.append(forbidden(where, "may not be set for containers with empty `spec.os.name`"))
            return
        known = {"windows": _WINDOWS_SIGNALS, "linux": _LINUX_SIGNALS}.get(os.name)
        if known is not None and value.stopSignal not in known:
            errors.append(not_supported(where, value.stopSignal, known))
