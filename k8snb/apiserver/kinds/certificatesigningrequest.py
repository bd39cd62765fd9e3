"""Certificate signing requests: who asks for a certificate, who approved or denied it, and the certificate."""

from __future__ import annotations

from msgspec.structs import replace

from k8snb.api.frozen import frozen_map
from k8snb.api.types import certificates_v1 as certificates
from k8snb.apiserver.defaults.pods import changed
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.strategy import Context
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.certificates import certificate_error, request_error
from k8snb.apiserver.validation.field import (
    SPEC,
    STATUS,
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)
from k8snb.apiserver.validation.godiff import diff_of
from k8snb.apiserver.validation.metadata import Errors, object_meta, object_meta_update
from k8snb.apiserver.validation.signers import signer_name

_CONDITIONS = STATUS / "conditions"
_CERTIFICATE = STATUS / "certificate"
_DECISIONS = ("Approved", "Denied")
_STATUSES = ("False", "True", "Unknown")
_LEGACY_SIGNER = "kubernetes.io/legacy-unknown"
_SHORTEST = 600
_USAGES = (
    "any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment",
    "decipher only", "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel",
    "ipsec user", "key agreement", "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime",
    "server auth", "signing", "timestamping",
)  # fmt: skip

Request = certificates.CertificateSigningRequest
Condition = certificates.CertificateSigningRequestCondition


def _any_name(_name: str, _prefix: bool = False) -> names.Messages:
    return ()


class CertificateSigningRequestStrategy(Kind):
    """Decisions about certificate signing requests."""

    serves = (("certificates.k8s.io/v1", "CertificateSigningRequest"),)
    has_status = True
    name_rule = staticmethod(_any_name)

    def prepare_for_create(self, obj: Request, ctx: Context) -> Request:
        """The server says who asks; nobody brings an approval along."""
        user = ctx.request.user
        spec = replace(
            obj.spec,
            username=user.name or None,
            uid=user.uid or None,
            groups=tuple(user.groups),
            extra=frozen_map(dict(user.extra)),
        )
        return replace(obj, spec=spec, status=certificates.CertificateSigningRequestStatus())

    def prepare_for_update(self, new: Request, old: Request, ctx: Context) -> Request:
        """What was asked for stays; the status has its own ways."""
        return changed(new, spec=old.spec, status=old.status)

    def prepare_for_status_update(self, new: Request, old: Request, ctx: Context) -> Request:
        """Everything but the decisions, which are made through the approval subresource."""
        conditions = _with_decisions(new, old)
        return changed(new, spec=old.spec, status=changed(new.status, conditions=_stamped(conditions, old, ctx.now)))

    def prepare_for_subresource(self, name: str, new: Request, old: Request, ctx: Context) -> Request:
        """The approval changes conditions only."""
        status = changed(old.status, conditions=_stamped(new.status.conditions, old, ctx.now))
        return changed(new, spec=old.spec, status=status)

    def check(self, obj: Request, errors: Errors) -> None:
        """The request itself, usages, signer, duration, and the status."""
        spec = obj.spec
        if detail := request_error(spec.request):
            errors.append(invalid(SPEC / "request", spec.request or "", detail))
        _usages(spec.usages, errors)
        if spec.signerName == _LEGACY_SIGNER:
            detail = "the legacy signerName is not allowed via this API version"
            errors.append(invalid(SPEC / "signerName", spec.signerName, detail))
        else:
            signer_name(spec.signerName, SPEC / "signerName", errors)
        if spec.expirationSeconds is not None and spec.expirationSeconds < _SHORTEST:
            detail = "may not specify a duration less than 600 seconds (10 minutes)"
            errors.append(invalid(SPEC / "expirationSeconds", spec.expirationSeconds, detail))
        _conditions(obj.status.conditions, errors)
        if detail := certificate_error(obj.status.certificate):
            errors.append(invalid(_CERTIFICATE, "<certificate data>", detail))

    def validate_update(self, new: Request, old: Request, ctx: Context) -> list[FieldError]:
        """A changed request: neither decisions nor the certificate."""
        return self._changes(new, old, decisions=False, certificate=False)

    def validate_status_update(self, new: Request, old: Request, ctx: Context) -> list[FieldError]:
        """A changed status: the certificate may come, once."""
        return self._changes(new, old, decisions=False, certificate=True)

    def validate_subresource(self, name: str, new: Request, old: Request, ctx: Context) -> list[FieldError]:
        """A decision."""
        return self._changes(new, old, decisions=True, certificate=False)

    def _changes(self, new: Request, old: Request, decisions: bool, certificate: bool) -> Errors:
        errors: Errors = []
        object_meta(new.metadata, False, self.name_rule, errors)
        self.check(new, errors)
        for kind in (*_DECISIONS, "Failed"):
            if len(_of_types(new, (kind,))) < len(_of_types(old, (kind,))):
                errors.append(forbidden(_CONDITIONS, f'updates may not remove a condition of type "{kind}"'))
        if not decisions:
            for kind in _DECISIONS:
                _unchanged(kind, _of_types(new, (kind,)), _of_types(old, (kind,)), errors)
        if (new.status.certificate or "") != (old.status.certificate or ""):
            if not certificate:
                errors.append(forbidden(_CERTIFICATE, "updates may not set certificate content"))
            elif old.status.certificate:
                errors.append(forbidden(_CERTIFICATE, "updates may not modify existing certificate content"))
        object_meta_update(new.metadata, old.metadata, errors)
        return errors


def _of_types(obj: Request, types: tuple[str, ...]) -> list[Condition]:
    return [item for item in obj.status.conditions if item.type in types]


def _with_decisions(new: Request, old: Request) -> tuple[Condition, ...]:
    """The new conditions with the old decisions in place; as they are when decisions came or went (an error follows)."""
    out = list(new.status.conditions)
    for kind in _DECISIONS:
        kept = _of_types(old, (kind,))
        places = [index for index, item in enumerate(out) if item.type == kind]
        if len(kept) == len(places):
            for place, item in zip(places, kept, strict=True):
                out[place] = item
    return tuple(out)


def _stamped(conditions: tuple[Condition, ...], old: Request, now: str) -> tuple[Condition, ...]:
    """Conditions with their times: an unchanged one keeps the moment of its last transition."""
    out = []
    for item in conditions:
        since = item.lastTransitionTime
        if since is None:
            same = (other for other in old.status.conditions if (other.type, other.status) == (item.type, item.status))
            before = next(same, None)
            since = now if before is None or before.lastTransitionTime is None else before.lastTransitionTime
        out.append(changed(item, lastUpdateTime=item.lastUpdateTime or now, lastTransitionTime=since))
    return tuple(out)


def _usages(usages: tuple[str, ...], errors: Errors) -> None:
    path = SPEC / "usages"
    if not usages:
        errors.append(required(path, "usages must be provided"))
    errors += [not_supported(path[i], usage, _USAGES) for i, usage in enumerate(usages) if usage not in _USAGES]
    errors += [duplicate(path[i], usage) for i, usage in enumerate(usages) if usage in usages[:i]]


def _conditions(conditions: tuple[Condition, ...], errors: Errors) -> None:
    seen: dict[str, None] = {}
    for index, item in enumerate(conditions):
        path = _CONDITIONS[index]
        if not item.type:
            errors.append(required(path / "type"))
        allowed = ("True",) if item.type in (*_DECISIONS, "Failed") else _STATUSES
        if not item.status:
            errors.append(required(path / "status"))
        elif item.status not in allowed:
            errors.append(not_supported(path / "status", item.status, allowed))
        if item.type in _DECISIONS and any(other in seen for other in _DECISIONS if other != item.type):
            errors.append(invalid(path / "type", item.type, "Approved and Denied conditions are mutually exclusive"))
        if item.type in seen:
            errors.append(duplicate(path / "type", item.type))
        seen[item.type] = None


def _unchanged(kind: str, new: list[Condition], old: list[Condition], errors: Errors) -> None:
    if len(new) > len(old):
        errors.append(forbidden(_CONDITIONS, f'updates may not add a condition of type "{kind}"'))
    elif len(new) == len(old) and new != old:
        shown = "".join(diff_of(before, after) for before, after in zip(old, new, strict=True))
        errors.append(forbidden(_CONDITIONS, f'updates may not modify a condition of type "{kind}"\n{shown}'))
