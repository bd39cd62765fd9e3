"""Admission webhooks: whom the server asks, about which requests, before it stores something.

They are stored and checked; the server does not call them (there is nothing outside of the model to call).
"""

from __future__ import annotations

from typing import Any

from k8snb.apiserver.defaults.pods import changed, each
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.validation import admission_rules as rules
from k8snb.apiserver.validation.domains import fully_qualified_name
from k8snb.apiserver.validation.field import Path, duplicate, invalid, not_supported, required
from k8snb.apiserver.validation.metadata import Errors
from k8snb.apiserver.validation.selectors import label_selector
from k8snb.apiserver.validation.webhooks import REVIEW_VERSIONS, client, review_versions

_GROUP = "admissionregistration.k8s.io/v1"
_WEBHOOKS = Path("webhooks")
_HARMLESS = ("None", "NoneOnDryRun")
# Seconds that the server waits for a webhook, and the most it does.
_TIMEOUT = 10
_LONGEST_TIMEOUT = 30
_SERVICE_PORT = 443
# What a match condition may look at.
_VARIABLES = frozenset(("object", "oldObject", "namespaceObject", "request", "authorizer"))


class _Webhooks(Kind):
    """What both configurations have in common."""

    tracks_generation = True
    allow_unconditional_update = False

    def default(self, obj: Any) -> Any:
        """Requests fail with the webhook, whatever their namespace, after 10 s."""
        return changed(obj, webhooks=each(obj.webhooks, self._webhook_defaults))

    def check(self, obj: Any, errors: Errors) -> None:
        """Every webhook, and that their names differ."""
        seen: dict[str, None] = {}
        for index, hook in enumerate(obj.webhooks):
            path = _WEBHOOKS[index]
            self._check_webhook(hook, path, errors)
            missing = f"must specify one of {', '.join(REVIEW_VERSIONS)}"
            review_versions(hook.admissionReviewVersions, path / "admissionReviewVersions", errors, missing)
            if hook.name and hook.name in seen:
                errors.append(duplicate(path / "name", hook.name))
            seen[hook.name] = None

    def _webhook_defaults(self, hook: Any) -> Any:
        service = hook.clientConfig.service
        if service is not None and service.port is None:
            config = changed(hook.clientConfig, service=changed(service, port=_SERVICE_PORT))
            hook = changed(hook, clientConfig=config)
        return changed(
            hook,
            rules=each(hook.rules, rules.with_scope),
            failurePolicy="Fail" if hook.failurePolicy is None else hook.failurePolicy,
            matchPolicy="Equivalent" if hook.matchPolicy is None else hook.matchPolicy,
            namespaceSelector=rules.EVERYTHING if hook.namespaceSelector is None else hook.namespaceSelector,
            objectSelector=rules.EVERYTHING if hook.objectSelector is None else hook.objectSelector,
            timeoutSeconds=_TIMEOUT if hook.timeoutSeconds is None else hook.timeoutSeconds,
        )

    def _check_webhook(self, hook: Any, path: Path, errors: Errors) -> None:
        fully_qualified_name(hook.name, path / "name", errors)
        for index, item in enumerate(hook.rules):
            rules.rule(item, (path / "rules")[index], errors)
        rules.one_of(hook.failurePolicy, rules.FAILURE_POLICIES, path / "failurePolicy", errors)
        rules.one_of(hook.matchPolicy, rules.MATCH_POLICIES, path / "matchPolicy", errors)
        if hook.sideEffects is None:
            errors.append(required(path / "sideEffects", f"must specify one of {', '.join(_HARMLESS)}"))
        elif hook.sideEffects not in _HARMLESS:
            errors.append(not_supported(path / "sideEffects", hook.sideEffects, _HARMLESS))
        seconds = hook.timeoutSeconds
        if seconds is not None and not 1 <= seconds <= _LONGEST_TIMEOUT:
            detail = "the timeout value must be between 1 and 30 seconds"
            errors.append(invalid(path / "timeoutSeconds", seconds, detail))
        label_selector(hook.namespaceSelector, path / "namespaceSelector", errors)
        label_selector(hook.objectSelector, path / "objectSelector", errors)
        self._check_more(hook, path, errors)
        client(hook.clientConfig, path / "clientConfig", errors)
        rules.match_conditions(hook.matchConditions, _VARIABLES, path / "matchConditions", errors)

    def _check_more(self, hook: Any, path: Path, errors: Errors) -> None:
        """What only one of the two has."""


class ValidatingWebhookConfigurationStrategy(_Webhooks):
    """Decisions about webhooks that may refuse."""

    serves = ((_GROUP, "ValidatingWebhookConfiguration"),)


class MutatingWebhookConfigurationStrategy(_Webhooks):
    """Decisions about webhooks that may change."""

    serves = ((_GROUP, "MutatingWebhookConfiguration"),)

    def _webhook_defaults(self, hook: Any) -> Any:
        hook = super()._webhook_defaults(hook)
        return changed(hook, reinvocationPolicy="Never") if hook.reinvocationPolicy is None else hook

    def _check_more(self, hook: Any, path: Path, errors: Errors) -> None:
        rules.one_of(hook.reinvocationPolicy, rules.REINVOCATION_POLICIES, path / "reinvocationPolicy", errors)
