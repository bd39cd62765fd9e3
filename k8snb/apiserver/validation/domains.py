"""Names made of domains: webhook names, fully qualified domains, domain-prefixed paths, references to other kinds."""

from __future__ import annotations

from typing import Any

from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import Path, invalid, reject, required
from k8snb.apiserver.validation.metadata import Errors


def fully_qualified_name(value: str, path: Path, errors: Errors) -> None:
    """A name of at least three segments, ``hook.example.com``."""
    if not value:
        errors.append(required(path))
    elif messages := names.dns_subdomain(value):
        errors.append(invalid(path, value, ",".join(messages)))
    elif value.count(".") < 2:
        errors.append(invalid(path, value, "should be a domain with at least three segments separated by dots"))


def fully_qualified_domain_name(value: str, path: Path, errors: Errors) -> None:
    """A host with a domain, ``www.example.com``; a final dot is allowed."""
    if not value:
        errors.append(required(path))
        return
    value = value.removesuffix(".")
    if messages := names.dns_subdomain(value):
        errors.append(invalid(path, value, ",".join(messages)))
        return
    segments = value.split(".")
    if len(segments) < 2:
        errors.append(invalid(path, value, "should be a domain with at least two segments separated by dots"))
        return
    for segment in segments:
        if messages := names.dns_label(segment):
            errors.append(invalid(path, segment, ",".join(messages)))
            return


def domain_prefixed_path(value: str, path: Path, errors: Errors) -> None:
    """``example.com/some/path``: the name of a controller."""
    if not value:
        errors.append(required(path))
        return
    host, _, rest = value.partition("/")
    if not host or not rest:
        errors.append(invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")'))
        return
    reject(errors, path, host, names.dns_subdomain(host))
    if not names.http_path(rest):
        errors.append(invalid(path, rest, names.HTTP_PATH_TEXT))


def segment(value: str | None, path: Path, errors: Errors) -> None:
    """A required name that goes into a URL: the kind or the name of something referred to."""
    if not value:
        errors.append(required(path))
    else:
        reject(errors, path, value, names.path_segment(value))


def typed_reference(value: Any, path: Path, errors: Errors) -> None:
    """``apiGroup``, ``kind`` and ``name`` of an object of any kind."""
    if value.apiGroup is not None:
        reject(errors, path / "apiGroup", value.apiGroup, names.dns_subdomain(value.apiGroup))
    segment(value.kind, path / "kind", errors)
    segment(value.name, path / "name", errors)
