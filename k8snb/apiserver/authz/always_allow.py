"""AlwaysAllow: the authorizer of a cluster in which everybody may do everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from k8snb.apiserver.authz.authorizer import Attributes, Decision, Rules

if TYPE_CHECKING:
    from k8snb.api.request import UserInfo
    from k8snb.apiserver.reader import StoreReader

_YES = Decision(True)
_ALL = Rules(resource_rules=((("*",), ("*",), ("*",), ()),), path_rules=((("*",), ("*",)),))


class AlwaysAllow:
    """Says yes (kube-apiserver `--authorization-mode=AlwaysAllow`)."""

    allows_everything = True

    def __deepcopy__(self, memo: object) -> AlwaysAllow:
        return self

    def connect(self, reader: StoreReader) -> None:
        """Nothing to read."""

    def authorize(self, attributes: Attributes) -> Decision:
        """Yes."""
        return _YES

    def rules_for(self, user: UserInfo, namespace: str) -> Rules:
        """Everything."""
        return _ALL
