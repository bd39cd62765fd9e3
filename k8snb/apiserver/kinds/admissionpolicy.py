"""ValidatingAdmissionPolicy and ValidatingAdmissionPolicyBinding and MutatingAdmissionPolicy and MutatingAdmissionPolicyBinding."""

from __future__ import annotations

from k8snb.apiserver.kinds.base import Kind


class ValidatingAdmissionPolicyStrategy(Kind):
    """Decisions about ValidatingAdmissionPolicy objects."""

    serves = (("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"),)
    has_status = True


class ValidatingAdmissionPolicyBindingStrategy(Kind):
    """Decisions about ValidatingAdmissionPolicyBinding objects."""

    serves = (("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding"),)


class MutatingAdmissionPolicyStrategy(Kind):
    """Decisions about MutatingAdmissionPolicy objects."""

    serves = (("admissionregistration.k8s.io/v1", "MutatingAdmissionPolicy"),)


class MutatingAdmissionPolicyBindingStrategy(Kind):
    """Decisions about MutatingAdmissionPolicyBinding objects."""

    serves = (("admissionregistration.k8s.io/v1", "MutatingAdmissionPolicyBinding"),)
