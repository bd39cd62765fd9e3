"""Names of certificate signers and what goes with them (projected certificates, certificate signing requests)."""

from __future__ import annotations

from collections.abc import Mapping

from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import Path, invalid, reject, required
from k8snb.apiserver.validation.metadata import Errors

_TOO_LONG = 571  # 253 (domain) + 1 + 63 (namespace) + 1 + 253 (name)


def signer_name(value: str, path: Path, errors: Errors) -> None:
    """A signer: ``example.com/path``, the path of labels and subdomains."""
    if not value:
        errors.append(required(path))
        return
    segments = value.split("/")
    if len(segments) != 2 or not segments[1]:
        errors.append(
            invalid(path, value, "must be a fully qualified domain and path of the form 'example.com/signer-name'")
        )
        return
    domain, rest = segments
    reject(errors, path, domain, names.dns_subdomain(domain))
    if "." not in domain:
        errors.append(invalid(path, domain, "should be a domain with at least two segments separated by dots"))
    for part in rest.split("."):
        reject(errors, path, part, names.dns_label(part))
    if len(value) > _TOO_LONG:
        errors.append(invalid(path, value, names.at_most(_TOO_LONG)))


def is_kubernetes_signer(value: str) -> bool:
    """Whether the signer is one of Kubernetes' own (``kubernetes.io`` or below)."""
    domain = value.partition("/")[0]
    return domain == "kubernetes.io" or domain.endswith(".kubernetes.io")


def annotations_of_user(value: Mapping[str, str], path: Path, errors: Errors) -> None:
    """Annotations that a pod's certificate carries; keys must have a domain."""
    for key in value:
        if "/" not in key:
            errors.append(invalid(path, key, "name must be fully qualified"))
        reject(errors, path, key, names.qualified_name(key))
