"""Subresources and reviews: everything that is not plainly an object or a collection; one file per sort.

Streams (exec, attach, portforward) are answered up to the point where a connection would begin.
"""

from __future__ import annotations

from k8snb.apiserver.subresources.binding import Binding, LegacyBinding
from k8snb.apiserver.subresources.connect import Connect
from k8snb.apiserver.subresources.eviction import Eviction
from k8snb.apiserver.subresources.log import Log
from k8snb.apiserver.subresources.parts import PartOfObject
from k8snb.apiserver.subresources.protocol import Subresource, Virtual
from k8snb.apiserver.subresources.proxy import Proxy
from k8snb.apiserver.subresources.reviews import (
    LocalSubjectAccessReview,
    SelfSubjectAccessReview,
    SelfSubjectReview,
    SelfSubjectRulesReview,
    SubjectAccessReview,
    TokenReview,
)
from k8snb.apiserver.subresources.scale import Scale
from k8snb.apiserver.subresources.token import Token

SUBRESOURCES: tuple[Subresource, ...] = (
    PartOfObject("status"),
    Scale(),
    Binding(),
    Eviction(),
    Log(),
    Token(),
    PartOfObject("finalize"),
    PartOfObject("resize"),
    PartOfObject("ephemeralcontainers"),
    PartOfObject("approval"),
    Connect("exec"),
    Connect("attach"),
    Connect("portforward"),
    Proxy(),
)

_AUTHN = "authentication.k8s.io"
_AUTHZ = "authorization.k8s.io"
VIRTUAL: dict[tuple[str, str], Virtual] = {
    ("", "bindings"): LegacyBinding(),
    (_AUTHN, "tokenreviews"): TokenReview(),
    (_AUTHN, "selfsubjectreviews"): SelfSubjectReview(),
    (_AUTHZ, "subjectaccessreviews"): SubjectAccessReview(),
    (_AUTHZ, "localsubjectaccessreviews"): LocalSubjectAccessReview(),
    (_AUTHZ, "selfsubjectaccessreviews"): SelfSubjectAccessReview(),
    (_AUTHZ, "selfsubjectrulesreviews"): SelfSubjectRulesReview(),
}
"""Resources that are only posted to, by (group, plural)."""
