"""What most kinds do alike: metadata first, then the checks of the kind."""

from __future__ import annotations

from typing import Any

from k8snb.apiserver.strategy import Context, Strategy
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import FieldError
from k8snb.apiserver.validation.metadata import Errors, object_meta, object_meta_update


class Kind(Strategy):
    """A strategy that splits validation into metadata and the rest.

    Subclasses set ``serves`` (apiVersion and kind), ``name_rule`` (what a name may be) and override ``check``,
    ``check_update`` and ``check_status``.  ``kube_finalizers`` is off for the few kinds whose finalizers need no domain.
    ``checks_as_new`` is on for the kinds that judge a changed object as a new one first, and only then as a changed one:
    the server lists what is wrong with their specs twice.
    """

    serves: tuple[tuple[str, str], ...] = ()
    name_rule: names.NameRule = staticmethod(names.subdomain_name)
    kube_finalizers = True
    checks_as_new = False

    def validate(self, obj: Any, ctx: Context) -> list[FieldError]:
        """Problems of a new object."""
        errors: Errors = []
        object_meta(obj.metadata, self.resource.namespaced, self.name_rule, errors, kube=self.kube_finalizers)
        self.check(obj, errors)
        return errors

    def validate_update(self, new: Any, old: Any, ctx: Context) -> list[FieldError]:
        """Problems of a changed object."""
        errors: Errors = self.validate(new, ctx) if self.checks_as_new else []
        object_meta_update(new.metadata, old.metadata, errors, kube=self.kube_finalizers)
        self.check_update(new, old, errors)
        return errors

    def validate_status_update(self, new: Any, old: Any, ctx: Context) -> list[FieldError]:
        """Problems of a changed status."""
        errors: Errors = []
        object_meta_update(new.metadata, old.metadata, errors, kube=self.kube_finalizers)
        if getattr(new, "status", None) is not getattr(old, "status", None):
            self.check_status(new, old, errors)
        return errors

    def check(self, obj: Any, errors: Errors) -> None:
        """Everything but the metadata of a new object."""

    def check_update(self, new: Any, old: Any, errors: Errors) -> None:
        """Everything but the metadata of a changed object; by default the same as for a new one."""
        self.check(new, errors)

    def check_status(self, new: Any, old: Any, errors: Errors) -> None:
        """The changed status."""
