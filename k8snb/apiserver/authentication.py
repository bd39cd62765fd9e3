"""Authentication: who sent a request, from its headers; and acting as somebody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from k8snb.api import errors
from k8snb.api.request import ANONYMOUS, UserInfo
from k8snb.apiserver import tokens
from k8snb.apiserver.authz.authorizer import Attributes, refusal

if TYPE_CHECKING:
    from k8snb.apiserver.http.paths import RequestInfo
    from k8snb.apiserver.server import APIServer

AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
_ACCOUNT = "system:serviceaccount:"
_NODE = "system:node:"


class Authenticator(Protocol):
    """One way to recognise a user."""

    def user_of(self, headers: Mapping[str, str], server: APIServer) -> UserInfo | None:
        """The user, or None when these are no credentials of this sort; APIError 401 when they are bad."""


class BearerTokens:
    """Service account tokens that this server issued, and tokens of a fixed list (`--token-auth-file`)."""

    def __init__(self, known: Mapping[str, UserInfo] | None = None) -> None:
        self._known = dict(known or {})

    def user_of(self, headers: Mapping[str, str], server: APIServer) -> UserInfo | None:
        """The user of the Authorization header."""
        scheme, _, token = headers.get("authorization", "").strip().partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            return None
        user = self._known.get(token) or tokens.user_of(token, server.reader, server.clock.now, server.token_secret)
        if user is None:
            raise errors.unauthorized()
        return user


def authenticate(headers: Mapping[str, str], server: APIServer) -> UserInfo:
    """The user behind a request; anonymous when there are no credentials. APIError 401."""
    for authenticator in server.authenticators:
        user = authenticator.user_of(headers, server)
        if user is not None:
            return with_group(user)
    return ANONYMOUS


def with_group(user: UserInfo) -> UserInfo:
    """The user as a member of `system:authenticated` (or `system:unauthenticated`)."""
    group = UNAUTHENTICATED if user.name == ANONYMOUS.name else AUTHENTICATED
    if AUTHENTICATED in user.groups or UNAUTHENTICATED in user.groups:
        return user
    return UserInfo(user.name, user.uid, (*user.groups, group), user.extra)


def impersonated(user: UserInfo, headers: Mapping[str, str], info: RequestInfo, server: APIServer) -> UserInfo:
    """The user to act as when the request has Impersonate-… headers; APIError 403 when that is not allowed.

    Several groups in one header are separated by commas, as HTTP joins repeated headers.
    """
    name = headers.get("impersonate-user", "")
    groups = tuple(item.strip() for item in headers.get("impersonate-group", "").split(",") if item.strip())
    uid = headers.get("impersonate-uid", "")
    extra = {
        key.removeprefix("impersonate-extra-"): (value,)
        for key, value in headers.items()
        if key.startswith("impersonate-extra-")
    }
    if not name:
        if groups or uid or extra:
            raise errors.internal(f"requested {list(headers)} without impersonating a user")
        return user
    _check(user, name, groups, info, server)
    return assumed(UserInfo(name, uid, groups, extra))


def assumed(user: UserInfo) -> UserInfo:
    """The user that is acted as: in the group of all authenticated users, a service account in those of its namespace."""
    if user.name.startswith(_ACCOUNT) and not user.groups:
        namespace = user.name[len(_ACCOUNT) :].partition(":")[0]
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
        user = UserInfo(user.name, user.uid, groups, user.extra)
    return with_group(user)


def _check(user: UserInfo, name: str, groups: tuple[str, ...], info: RequestInfo, server: APIServer) -> None:
    """Acting as somebody needs the verb `impersonate` on that user and on every group."""
    if server.authorizer.allows_everything:
        return
    if name.startswith(_ACCOUNT):
        namespace, _, account = name[len(_ACCOUNT) :].partition(":")
        questions = [Attributes(user, "impersonate", "", "v1", "serviceaccounts", "", namespace, account)]
        kind = "serviceaccount"
    else:
        questions = [Attributes(user, "impersonate", "", "v1", "users", "", "", name)]
        kind = "arbitrary-node" if name.startswith(_NODE) else "user-info"
    questions += [Attributes(user, "impersonate", "", "v1", "groups", "", "", group) for group in groups]
    if all(server.authorizer.authorize(question).allowed for question in questions):
        return
    verb = f"impersonate-on:{kind}:{info.verb}"
    if not info.is_resource:
        raise refusal(Attributes(user, verb, path=info.path))
    raise refusal(
        Attributes(user, verb, info.group, info.version, info.resource, info.subresource, info.namespace, info.name)
    )
