"""ServiceAccounts: references to secrets are names only."""

from __future__ import annotations

from msgspec.structs import replace

from k8snb.api.types import core_v1 as core
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.strategy import Context
from k8snb.apiserver.validation.metadata import Errors, object_meta

_MOUNTABLE = "kubernetes.io/enforce-mountable-secrets"


class ServiceAccountStrategy(Kind):
    """Decisions about service accounts."""

    serves = (("v1", "ServiceAccount"),)

    def prepare_for_create(self, obj: core.ServiceAccount, ctx: Context) -> core.ServiceAccount:
        """Keep the names of secrets only."""
        return _names_only(obj)

    def prepare_for_update(
        self, new: core.ServiceAccount, old: core.ServiceAccount, ctx: Context
    ) -> core.ServiceAccount:
        """Keep the names of secrets only."""
        return _names_only(new)

    def check_update(self, new: core.ServiceAccount, old: core.ServiceAccount, errors: Errors) -> None:
        """Everything of a new one."""
        object_meta(new.metadata, True, self.name_rule, errors)

    def warnings(self, obj: core.ServiceAccount, old: core.ServiceAccount | None = None) -> tuple[str, ...]:
        """The annotation that is going out of use."""
        if _MOUNTABLE not in obj.metadata.annotations or (old is not None and _MOUNTABLE in old.metadata.annotations):
            return ()
        text = "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"
        return (f"metadata.annotations[{_MOUNTABLE}]: {text}",)


def _names_only(obj: core.ServiceAccount) -> core.ServiceAccount:
    if not obj.secrets:
        return obj
    secrets = tuple([core.ObjectReference(name=secret.name) for secret in obj.secrets])
    return obj if secrets == obj.secrets else replace(obj, secrets=secrets)
