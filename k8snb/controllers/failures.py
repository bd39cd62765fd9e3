"""Telling API errors apart, as controllers need it."""

from __future__ import annotations

from k8snb.api.errors import APIError


def failed(outcome: object, reason: str) -> bool:
    """Whether a call's outcome is an API error with that reason, e.g. ``NotFound``."""
    return isinstance(outcome, APIError) and outcome.reason == reason


def namespace_terminating(outcome: object) -> bool:
    """Whether a creation was refused because the namespace is being deleted: every other one would be, too."""
    return isinstance(outcome, APIError) and any(cause.reason == "NamespaceTerminating" for cause in outcome.causes)


class Aggregate(APIError):
    """Several errors of one reconcile as one, so that it is tried again."""

    def __init__(self, errors: list[APIError]) -> None:
        first = errors[0]
        text = first.message if len(errors) == 1 else "[" + ", ".join(dict.fromkeys(e.message for e in errors)) + "]"
        super().__init__(first.code, first.reason, text, first.details)
