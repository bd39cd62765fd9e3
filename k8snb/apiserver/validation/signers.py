"""Names of certificate signers and what goes with them (projected certificates, certificate signing requests)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from k8snb.api.gotext import quote
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import Path, invalid, reject, required, too_long
from k8snb.apiserver.validation.metadata import Errors

_LONGEST_DOMAIN = 253
_LONGEST = 571  # 253 (domain) + 1 + 63 (namespace) + 1 + 253 (name)
_FORM = "must be a fully qualified domain and path of the form 'example.com/signer-name'"


def signer_name(value: str, path: Path, errors: Errors) -> None:
    """A signer: ``example.com/path``, the domain of labels, the path of subdomains."""
    if not value:
        errors.append(required(path, "signerName must be provided"))
        return
    segments = value.split("/")
    if len(segments) != 2:
        errors.append(invalid(path, value, _FORM))
        return
    domain, rest = segments
    if len(domain) > _LONGEST_DOMAIN:
        errors.append(too_long(path, _LONGEST_DOMAIN))
    labels = domain.split(".")
    _first_bad(labels, names.dns_label, domain, path, errors)
    if len(labels) < 2:
        errors.append(invalid(path, domain, "should be a domain with at least two segments separated by dots"))
    _first_bad(rest.split("."), names.dns_subdomain, rest, path, errors)
    if len(value) > _LONGEST:
        errors.append(too_long(path, _LONGEST))


def _first_bad(
    labels: Iterable[str], rule: Callable[[str], names.Messages], shown: str, path: Path, errors: Errors
) -> None:
    """What is wrong with the first bad label; the others would only say the same again."""
    for label in labels:
        if messages := rule(label):
            errors += [invalid(path, shown, f"validating label {quote(label)}: {message}") for message in messages]
            return


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
