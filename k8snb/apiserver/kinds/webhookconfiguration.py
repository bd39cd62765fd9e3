"""ValidatingWebhookConfiguration and MutatingWebhookConfiguration."""

from __future__ import annotations

from k8snb.apiserver.kinds.base import Kind


class ValidatingWebhookConfigurationStrategy(Kind):
    """Decisions about ValidatingWebhookConfiguration objects."""

    serves = (("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),)


class MutatingWebhookConfigurationStrategy(Kind):
    """Decisions about MutatingWebhookConfiguration objects."""

    serves = (("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),)
