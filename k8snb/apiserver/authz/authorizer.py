"""The protocol of an authorizer: what is asked, what it answers, and the words of a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from k8snb.api import errors
from k8snb.api.gotext import quote

if TYPE_CHECKING:
    from k8snb.api.errors import APIError
    from k8snb.api.request import UserInfo
    from k8snb.apiserver.reader import StoreReader


class Attributes(msgspec.Struct, frozen=True, gc=False):
    """One question: may `user` do `verb` to a resource (or, with `path`, to a path that is not a resource)?"""

    user: UserInfo
    verb: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""
    field_selector: str = ""

    @property
    def is_resource(self) -> bool:
        """Whether the question is about a resource."""
        return not self.path


class Decision(msgspec.Struct, frozen=True, gc=False):
    """An answer; `reason` names the rule that allows it, `denied` is an explicit no (else nobody had an opinion)."""

    allowed: bool
    reason: str = ""
    denied: bool = False


class Rules(msgspec.Struct, frozen=True, gc=False):
    """What a user may do in a namespace: (verbs, groups, resources, names) and (verbs, paths), as roles grant it.

    `incomplete` says that there may be more, `error` why.
    """

    resource_rules: tuple[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]], ...] = ()
    path_rules: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()
    incomplete: bool = False
    error: str = ""


class Authorizer(Protocol):
    """Decides who may do what; stateless apart from what it reads of the store."""

    @property
    def allows_everything(self) -> bool:
        """Whether asking is a waste of time."""

    def connect(self, reader: StoreReader) -> None:
        """Be told how to read the store; the server does it once, when it is made."""

    def authorize(self, attributes: Attributes) -> Decision:
        """Answer one question."""

    def rules_for(self, user: UserInfo, namespace: str) -> Rules:
        """All that the user may do in the namespace (SelfSubjectRulesReview)."""


def refusal(attributes: Attributes, reason: str = "") -> APIError:
    """The 403 for a question that was not answered with yes."""
    a = attributes
    said = f"User {quote(a.user.name)} cannot {a.verb}"
    if not a.is_resource:
        return errors.forbidden("", "", f"{said} path {quote(a.path)}" + (f": {reason}" if reason else ""))
    resource = f"{a.resource}/{a.subresource}" if a.subresource else a.resource
    place = f"in the namespace {quote(a.namespace)}" if a.namespace else "at the cluster scope"
    said += f" resource {quote(resource)} in API group {quote(a.group)} {place}"
    return errors.forbidden(a.resource, a.name, said + (f": {reason}" if reason else ""), a.group)
