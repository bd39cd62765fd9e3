"""Subresources and reviews: everything that is not plainly an object or a collection; one file per sort.

Left out: pods/exec, attach, portforward and proxy (streams into containers; the model's containers take commands
through the kubelet instead), services/proxy and nodes/proxy.
"""

from __future__ import annotations

from k8snb.apiserver.subresources.binding import Binding
from k8snb.apiserver.subresources.eviction import Eviction
from k8snb.apiserver.subresources.log import Log
from k8snb.apiserver.subresources.parts import PartOfObject
from k8snb.apiserver.subresources.protocol import Subresource, Virtual
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
)

_AUTHN = "authentication.k8s.io"
_AUTHZ = "authorization.k8s.io"
VIRTUAL: dict[tuple[str, str], Virtual] = {
    (_AUTHN, "tokenreviews"): TokenReview(),
    (_AUTHN, "selfsubjectreviews"): SelfSubjectReview(),
    (_AUTHZ, "subjectaccessreviews"): SubjectAccessReview(),
    (_AUTHZ, "localsubjectaccessreviews"): LocalSubjectAccessReview(),
    (_AUTHZ, "selfsubjectaccessreviews"): SelfSubjectAccessReview(),
    (_AUTHZ, "selfsubjectrulesreviews"): SelfSubjectRulesReview(),
}
"""Resources that are only posted to, by (group, plural)."""
