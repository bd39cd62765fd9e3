"""CertificateSigningRequest."""

from __future__ import annotations

from k8snb.apiserver.kinds.base import Kind


class CertificateSigningRequestStrategy(Kind):
    """Decisions about CertificateSigningRequest objects."""

    serves = (("certificates.k8s.io/v1", "CertificateSigningRequest"),)
    has_status = True
