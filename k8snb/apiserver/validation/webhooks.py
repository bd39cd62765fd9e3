"""Where a webhook is: a URL or a service (admission webhooks and conversion webhooks of custom resources)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import Path, invalid, required
from k8snb.apiserver.validation.metadata import Errors

_FORM: Final = "; desired format: https://host[/path]"
REVIEW_VERSIONS: Final = ("v1", "v1beta1")


def client(config: Any, path: Path, errors: Errors) -> None:
    """``clientConfig``: exactly one of ``url`` and ``service``."""
    if (config.url is None) == (config.service is None):
        errors.append(required(path, "exactly one of url or service is required"))
    elif config.url is not None:
        url(config.url, path / "url", errors)
    else:
        _service(config.service, path / "service", errors)


def url(value: str, path: Path, errors: Errors) -> None:
    """An https URL of host and path only."""
    try:
        parts = urlsplit(value)
    except ValueError as error:
        errors.append(required(path, f"url must be a valid URL: {error}{_FORM}"))
        return
    user, at, host = parts.netloc.rpartition("@")
    if parts.scheme != "https":
        errors.append(invalid(path, parts.scheme, f"'https' is the only allowed URL scheme{_FORM}"))
    if not host:
        errors.append(invalid(path, host, f"host must be provided{_FORM}"))
    if at:
        errors.append(invalid(path, user, "user information is not permitted in the URL"))
    if parts.fragment:
        errors.append(invalid(path, parts.fragment, "fragments are not permitted in the URL"))
    if parts.query:
        errors.append(invalid(path, parts.query, "query parameters are not permitted in the URL"))


def _service(service: Any, path: Path, errors: Errors) -> None:
    # The server mixes the two up: a missing namespace is reported as a missing name, and the other way round.
    if not service.namespace:
        errors.append(required(path / "name", "service name is required"))
    if not service.name:
        errors.append(required(path / "namespace", "service namespace is required"))
    port = service.port or 0
    if messages := names.port_number(port):
        errors.append(invalid(path / "port", port, "port is not valid: " + ", ".join(messages)))
    if service.path:
        _path(service.path, path / "path", errors)


def _path(value: str, path: Path, errors: Errors) -> None:
    if value == "/":
        return
    if value == "//":
        errors.append(invalid(path, value, "segment[0] may not be empty"))
        return
    if not value.startswith("/"):
        errors.append(invalid(path, value, "must start with a '/'"))
    for index, step in enumerate(value[1:].removesuffix("/").split("/")):
        if not step:
            errors.append(invalid(path, value, f"segment[{index}] may not be empty"))
            continue
        errors += [invalid(path, value, f"segment[{index}]: {message}") for message in names.dns_subdomain(step)]


def review_versions(versions: Sequence[str], path: Path, errors: Errors, missing: str = "") -> None:
    """Versions of the review that a webhook understands, one of which the server must know; ``missing`` explains none."""
    if not versions:
        errors.append(required(path, missing))
        return
    seen: dict[str, None] = {}
    for index, version in enumerate(versions):
        if version in seen:
            errors.append(invalid(path[index], version, "duplicate version"))
            continue
        seen[version] = None
        errors += [invalid(path[index], version, message) for message in names.dns_1035_label(version)]
    if not any(version in seen for version in REVIEW_VERSIONS):
        errors.append(invalid(path, tuple(versions), f"must include at least one of {', '.join(REVIEW_VERSIONS)}"))
