"""Reviews: resources that are posted to ask a question about users and permissions, and are never stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from k8snb.api import errors
from k8snb.api.frozen import frozen_map
from k8snb.api.request import Response, UserInfo
from k8snb.api.types import authentication_v1, authorization_v1
from k8snb.apiserver import decoding, tokens
from k8snb.apiserver.authentication import authenticate, with_group
from k8snb.apiserver.authz.authorizer import Attributes as Access
from k8snb.apiserver.validation.field import Path, invalid

if TYPE_CHECKING:
    from k8snb.apiserver.authz.authorizer import Decision
    from k8snb.apiserver.context import ServerContext
    from k8snb.apiserver.endpoint import Endpoint

_GROUP = "authorization.k8s.io"
_SPEC = Path("spec")
_ONE_OF = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
_BOTH = "cannot be specified in combination with resourceAttributes"


class SubjectAccessReview:
    """May some user do something?"""

    def create(self, ctx: ServerContext, ep: Endpoint) -> Response:
        """Ask the authorizer about the user in the spec."""
        review: authorization_v1.SubjectAccessReview = decoding.body_object(ctx, ep)
        spec = review.spec
        problems = _attributes_problems(spec)
        if not spec.user and not spec.groups:
            problems.append(invalid(_SPEC / "user", spec.user or "", "at least one of user or group must be specified"))
        _check(review, problems)
        user = UserInfo(spec.user or "", spec.uid or "", tuple(spec.groups))
        return Response(201, replace(review, status=_status(_ask(ctx, user, spec))))


class LocalSubjectAccessReview:
    """The same within one namespace."""

    def create(self, ctx: ServerContext, ep: Endpoint) -> Response:
        """Ask the authorizer; the namespaces of request and spec must agree."""
        review: authorization_v1.LocalSubjectAccessReview = decoding.body_object(ctx, ep)
        spec = review.spec
        namespace = ctx.request.namespace
        problems = _attributes_problems(spec)
        if not spec.user and not spec.groups:
            problems.append(invalid(_SPEC / "user", spec.user or "", "at least one of user or group must be specified"))
        meta = review.metadata
        if spec.resourceAttributes is not None and spec.resourceAttributes.namespace != (meta.namespace or namespace):
            problems.append(
                invalid(
                    _SPEC / "resourceAttributes" / "namespace",
                    spec.resourceAttributes.namespace or "",
                    "must match metadata.namespace",
                )
            )
        if spec.nonResourceAttributes is not None:
            problems.append(
                invalid(
                    _SPEC / "nonResourceAttributes", spec.nonResourceAttributes, "disallowed on this kind of request"
                )
            )
        _check(review, problems)
        user = UserInfo(spec.user or "", spec.uid or "", tuple(spec.groups))
        done = replace(review, metadata=replace(meta, namespace=namespace or None))
        return Response(201, replace(done, status=_status(_ask(ctx, user, spec))))


class SelfSubjectAccessReview:
    """May I do something?"""

    def create(self, ctx: ServerContext, ep: Endpoint) -> Response:
        """Ask the authorizer about the caller."""
        review: authorization_v1.SelfSubjectAccessReview = decoding.body_object(ctx, ep)
        _check(review, _attributes_problems(review.spec))
        return Response(201, replace(review, status=_status(_ask(ctx, ctx.request.user, review.spec))))


class SelfSubjectRulesReview:
    """What may I do here?"""

    def create(self, ctx: ServerContext, ep: Endpoint) -> Response:
        """List the caller's rules in a namespace."""
        review: authorization_v1.SelfSubjectRulesReview = decoding.body_object(ctx, ep)
        namespace = review.spec.namespace
        if not namespace:
            raise errors.bad_request("no namespace on request")
        rules = ctx.server.authorizer.rules_for(ctx.request.user, namespace)
        status = authorization_v1.SubjectRulesReviewStatus(
            resourceRules=tuple(
                authorization_v1.ResourceRule(verbs=v, apiGroups=g, resources=r, resourceNames=n)
                for v, g, r, n in rules.resource_rules
            ),
            nonResourceRules=tuple(
                authorization_v1.NonResourceRule(verbs=v, nonResourceURLs=p) for v, p in rules.path_rules
            ),
            incomplete=rules.incomplete,
            evaluationError=rules.error or None,
        )
        return Response(201, replace(review, status=status))


class SelfSubjectReview:
    """Who am I?"""

    def create(self, ctx: ServerContext, ep: Endpoint) -> Response:
        """Tell the caller how the server sees it."""
        review: authentication_v1.SelfSubjectReview = decoding.body_object(ctx, ep)
        status = authentication_v1.SelfSubjectReviewStatus(userInfo=_user(ctx.request.user))
        done = replace(review, metadata=replace(review.metadata, creationTimestamp=ctx.now), status=status)
        return Response(201, done)


class TokenReview:
    """Whose token is this?"""

    def create(self, ctx: ServerContext, ep: Endpoint) -> Response:
        """Check a token that this server may have issued."""
        review: authentication_v1.TokenReview = decoding.body_object(ctx, ep)
        token = review.spec.token
        if not token:
            raise errors.bad_request("token is required for TokenReview in authentication")
        try:
            user = authenticate({"authorization": f"Bearer {token}"}, ctx.server)
        except errors.APIError:
            status = authentication_v1.TokenReviewStatus(error="invalid bearer token")
        else:
            audiences = review.spec.audiences or (tokens.ISSUER,)
            status = authentication_v1.TokenReviewStatus(
                authenticated=True, user=_user(with_group(user)), audiences=audiences
            )
        return Response(201, replace(review, status=status))


def _user(user: UserInfo) -> authentication_v1.UserInfo:
    return authentication_v1.UserInfo(
        username=user.name or None,
        uid=user.uid or None,
        groups=user.groups,
        extra=frozen_map({key: tuple(values) for key, values in user.extra.items()}),
    )


def _attributes_problems(spec: Any) -> list[Any]:
    both = spec.resourceAttributes is not None and spec.nonResourceAttributes is not None
    if both:
        return [invalid(_SPEC / "nonResourceAttributes", spec.nonResourceAttributes, _BOTH)]
    if spec.resourceAttributes is None and spec.nonResourceAttributes is None:
        return [invalid(_SPEC / "resourceAttributes", None, _ONE_OF)]
    return []


def _check(review: Any, problems: list[Any]) -> None:
    meta = review.metadata
    named = meta.name or (meta.namespace if review.kind != "LocalSubjectAccessReview" else None) or meta.labels
    if named or meta.annotations:
        detail = "must be empty"
        if review.kind == "LocalSubjectAccessReview":
            detail = "must be empty except for namespace"
        problems.append(invalid(Path("metadata"), meta, detail))
    if problems:
        raise errors.invalid("", "", problems, _GROUP)


def _ask(ctx: ServerContext, user: UserInfo, spec: Any) -> Decision:
    if spec.resourceAttributes is not None:
        a = spec.resourceAttributes
        access = Access(
            user,
            a.verb or "",
            a.group or "",
            a.version or "",
            a.resource or "",
            a.subresource or "",
            a.namespace or "",
            a.name or "",
        )
    else:
        access = Access(user, spec.nonResourceAttributes.verb or "", path=spec.nonResourceAttributes.path or "/")
    return ctx.server.authorizer.authorize(access)


def _status(decision: Decision) -> authorization_v1.SubjectAccessReviewStatus:
    return authorization_v1.SubjectAccessReviewStatus(
        allowed=decision.allowed, denied=decision.denied or None, reason=decision.reason or None
    )
