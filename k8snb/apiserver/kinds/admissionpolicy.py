"""Admission policies and their bindings: rules in CEL that requests must follow, or changes that are made to them.

They are stored and checked as upstream does it; the server does not evaluate them.
"""

from __future__ import annotations

import re
from typing import Any

from k8snb.api.types import admissionregistration_v1 as registration
from k8snb.apiserver.defaults.pods import changed
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.validation import admission_rules as rules
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.conditions import conditions
from k8snb.apiserver.validation.expressions import Variables, compile_error, expression
from k8snb.apiserver.validation.field import (
    SPEC,
    STATUS,
    Path,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    reject,
    required,
)
from k8snb.apiserver.validation.metadata import Errors
from k8snb.apiserver.validation.selectors import label_selector

_GROUP = "admissionregistration.k8s.io/v1"
_ACTIONS = ("Audit", "Deny", "Warn")
_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_PATCH_TYPES = ("ApplyConfiguration", "JSONPatch")
_MOST_ANNOTATIONS = 20
# Bytes of an audit annotation's expression.
_LONGEST_ANNOTATION = 5 * 1024
_VARIABLES = frozenset(("object", "oldObject", "request", "namespaceObject", "authorizer"))
_IDENTIFIER = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*").fullmatch
_RESERVED = frozenset(
    (
        "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import",
        "let", "loop", "package", "namespace", "return", "var", "void", "while",
    )
)  # fmt: skip
_ONE_NEEDED = "validations or auditAnnotations must contain at least one item"


class _Policy(Kind):
    """What both sorts of policy have in common."""

    tracks_generation = True
    allow_unconditional_update = False

    def default(self, obj: Any) -> Any:
        """A policy that cannot be evaluated refuses; it is for equivalent resources too."""
        spec = obj.spec
        return changed(
            obj,
            spec=changed(
                spec,
                failurePolicy="Fail" if spec.failurePolicy is None else spec.failurePolicy,
                matchConstraints=rules.match_defaults(spec.matchConstraints),
            ),
        )

    def check(self, obj: Any, errors: Errors) -> None:
        """Failure policy, parameters, what it is for, conditions, variables, and what the sort adds."""
        spec = obj.spec
        rules.one_of(spec.failurePolicy, rules.FAILURE_POLICIES, SPEC / "failurePolicy", errors, needed=True)
        if spec.paramKind is not None:
            _param_kind(spec.paramKind, SPEC / "paramKind", errors)
        where = SPEC / "matchConstraints"
        if spec.matchConstraints is None:
            errors.append(required(where))
        else:
            rules.match_resources(spec.matchConstraints, where, errors)
            if not spec.matchConstraints.resourceRules:
                errors.append(required(where / "resourceRules"))
        variables = _VARIABLES | {"params"} if spec.paramKind is not None else _VARIABLES
        rules.match_conditions(spec.matchConditions, variables, SPEC / "matchConditions", errors)
        if spec.variables:
            variables = variables | {"variables"}
        for index, variable in enumerate(spec.variables):
            _variable(variable, variables, (SPEC / "variables")[index], errors)
        self.check_effect(obj, variables, errors)

    def check_effect(self, obj: Any, variables: Variables, errors: Errors) -> None:
        """What the policy does."""


class ValidatingAdmissionPolicyStrategy(_Policy):
    """Decisions about policies that refuse."""

    serves = ((_GROUP, "ValidatingAdmissionPolicy"),)
    has_status = True

    def check_effect(self, obj: registration.ValidatingAdmissionPolicy, variables: Variables, errors: Errors) -> None:
        """Validations and audit annotations, one of either at least."""
        spec, where = obj.spec, SPEC / "auditAnnotations"
        if not spec.validations and not spec.auditAnnotations:
            errors.append(required(SPEC / "validations", _ONE_NEEDED))
            errors.append(required(where, _ONE_NEEDED))
            return
        for index, validation in enumerate(spec.validations):
            _validation(validation, variables, (SPEC / "validations")[index], errors)
        if len(spec.auditAnnotations) > _MOST_ANNOTATIONS:
            detail = f"must not have more than {_MOST_ANNOTATIONS} auditAnnotations"
            errors.append(invalid(where, spec.auditAnnotations, detail))
        seen: dict[str, None] = {}
        for index, annotation in enumerate(spec.auditAnnotations):
            _annotation(annotation, obj.metadata.name or "", variables, where[index], errors)
            if annotation.key in seen:
                errors.append(duplicate(where[index] / "key", annotation.key))
            seen[annotation.key] = None

    def check_status(
        self,
        new: registration.ValidatingAdmissionPolicy,
        old: registration.ValidatingAdmissionPolicy,
        errors: Errors,
    ) -> None:
        """Warnings of the type check say where and what."""
        checking = new.status.typeChecking
        for index, item in enumerate(checking.expressionWarnings if checking is not None else ()):
            where = (STATUS / "typeChecking" / "expressionWarnings")[index]
            if not item.warning:
                errors.append(required(where / "warning"))
            if not item.fieldRef.strip():
                errors.append(required(where / "fieldRef"))
        conditions(new.status.conditions, STATUS / "conditions", errors)


class MutatingAdmissionPolicyStrategy(_Policy):
    """Decisions about policies that change."""

    serves = ((_GROUP, "MutatingAdmissionPolicy"),)

    def check_effect(self, obj: registration.MutatingAdmissionPolicy, variables: Variables, errors: Errors) -> None:
        """At least one mutation, and whether it may run again."""
        spec, where = obj.spec, SPEC / "mutations"
        if not spec.mutations:
            errors.append(required(where, "mutations must contain at least one item"))
        for index, mutation in enumerate(spec.mutations):
            _mutation(mutation, variables, where[index], errors)
        policy = spec.reinvocationPolicy or None
        rules.one_of(policy, rules.REINVOCATION_POLICIES, SPEC / "reinvocationPolicy", errors, needed=True)


class _Binding(Kind):
    """What both sorts of binding have in common."""

    tracks_generation = True
    allow_unconditional_update = False

    def default(self, obj: Any) -> Any:
        """What a binding narrows down has the policy's own defaults."""
        return changed(obj, spec=changed(obj.spec, matchResources=rules.match_defaults(obj.spec.matchResources)))

    def check(self, obj: Any, errors: Errors) -> None:
        """Policy, parameters and what it is for (the path of the last is misspelt upstream too)."""
        spec = obj.spec
        if not spec.policyName:
            errors.append(required(SPEC / "policyName"))
        else:
            reject(errors, SPEC / "policyName", spec.policyName, names.dns_subdomain(spec.policyName))
        if spec.paramRef is not None:
            _param_ref(spec.paramRef, SPEC / "paramRef", errors)
        rules.match_resources(spec.matchResources, SPEC / "matchResouces", errors)


class ValidatingAdmissionPolicyBindingStrategy(_Binding):
    """Decisions about bindings of policies that refuse."""

    serves = ((_GROUP, "ValidatingAdmissionPolicyBinding"),)

    def check(self, obj: registration.ValidatingAdmissionPolicyBinding, errors: Errors) -> None:
        """Also what happens to a request that breaks the rule."""
        super().check(obj, errors)
        actions, path = obj.spec.validationActions, SPEC / "validationActions"
        seen: dict[str, None] = {}
        for index, action in enumerate(actions):
            if action not in _ACTIONS:
                errors.append(not_supported(path[index], action, _ACTIONS))
            if action in seen:
                errors.append(duplicate(path[index], action))
            seen[action] = None
        if "Deny" in seen and "Warn" in seen:
            detail = (
                "must not contain both Deny and Warn (repeating the same validation failure information in the API"
                " response and headers serves no purpose)"
            )
            errors.append(invalid(path, actions, detail))
        if not actions:
            errors.append(required(path, "at least one validation action is required"))


class MutatingAdmissionPolicyBindingStrategy(_Binding):
    """Decisions about bindings of policies that change."""

    serves = ((_GROUP, "MutatingAdmissionPolicyBinding"),)


def _param_kind(kind: registration.ParamKind, path: Path, errors: Errors) -> None:
    text, where = kind.apiVersion or "", path / "apiVersion"
    group, _, version = text.rpartition("/")
    if not text:
        errors.append(required(where))
    elif text.count("/") > 1:
        errors.append(invalid(where, text, f"unexpected GroupVersion string: {text}"))
    else:
        if group and (messages := names.dns_subdomain(group)):
            errors.append(invalid(where, group, ",".join(messages)))
        if not version:
            errors.append(invalid(where, text, "version must be specified"))
        elif messages := names.dns_1035_label(version):
            errors.append(invalid(where, version, ",".join(messages)))
    if not kind.kind:
        errors.append(required(path / "kind"))
    elif messages := names.dns_1035_label(kind.kind.lower()):
        detail = "may have mixed case, but should otherwise match: " + ",".join(messages)
        errors.append(invalid(path / "kind", kind.kind, detail))


def _variable(variable: registration.Variable, variables: Variables, path: Path, errors: Errors) -> None:
    if not variable.name.strip():
        errors.append(required(path / "name", "name is not specified"))
    elif not _IDENTIFIER(variable.name) or variable.name in _RESERVED:
        errors.append(invalid(path / "name", variable.name, "name is not a valid CEL identifier"))
    if not variable.expression.strip():
        errors.append(required(path / "expression", "expression is not specified"))
    else:
        expression(variable.expression, variables, (), path / "expression", errors)


def _validation(value: registration.Validation, variables: Variables, path: Path, errors: Errors) -> None:
    if not value.expression.strip():
        errors.append(required(path / "expression", "expression is not specified"))
    else:
        expression(value.expression, variables, ("bool",), path / "expression", errors)
    told = value.messageExpression
    if told and not told.strip():
        errors.append(invalid(path / "messageExpression", told, "must be non-empty if specified"))
    elif told:
        expression(told, variables - {"authorizer"}, ("string",), path / "messageExpression", errors)
    message = value.message or ""
    if message and not message.strip():
        errors.append(invalid(path / "message", message, "message must be non-empty if specified"))
    elif "\n" in message.strip() or "\r" in message.strip():
        errors.append(invalid(path / "message", message, "message must not contain line breaks"))
    rules.one_of(value.reason, _REASONS, path / "reason", errors)


def _annotation(
    value: registration.AuditAnnotation, policy: str, variables: Variables, path: Path, errors: Errors
) -> None:
    key = f"{policy}/{value.key}"
    reject(errors, path / "key", key, names.qualified_name(key))
    text, where = value.valueExpression.strip(), path / "valueExpression"
    if not text:
        errors.append(required(where, "valueExpression is not specified"))
    elif len(text.encode()) > _LONGEST_ANNOTATION:
        errors.append(required(where, f"must not exceed {_LONGEST_ANNOTATION} bytes in length"))
    elif detail := compile_error(text, variables, ("string", "null_type")):
        errors.append(invalid(where, value.valueExpression, detail))


def _mutation(value: registration.Mutation, variables: Variables, path: Path, errors: Errors) -> None:
    if not value.patchType:
        errors.append(required(path / "patchType"))
        return
    if value.patchType not in _PATCH_TYPES:
        errors.append(not_supported(path / "patchType", value.patchType, _PATCH_TYPES))
        return
    fields = {"ApplyConfiguration": "applyConfiguration", "JSONPatch": "jsonPatch"}
    for kind, field in fields.items():
        given = getattr(value, field)
        if kind != value.patchType:
            if given is not None:
                errors.append(forbidden(path / field, f"must not be specified when patchType is {value.patchType}"))
        elif given is None:
            errors.append(required(path / field, f"must be specified when patchType is {kind}"))
        elif not (given.expression or "").strip():
            errors.append(required(path / field / "expression", "expression is not specified"))
        else:
            expression(given.expression, variables, (), path / field / "expression", errors)


def _param_ref(value: registration.ParamRef, path: Path, errors: Errors) -> None:
    both = "name and selector are mutually exclusive"
    if value.name:
        reject(errors, path / "name", value.name, names.path_segment(value.name))
        if value.selector is not None:
            errors.append(forbidden(path / "name", both))
    if value.selector is not None:
        label_selector(value.selector, path / "selector", errors)
        if value.name:
            errors.append(forbidden(path / "selector", both))
    if not value.name and value.selector is None:
        errors.append(required(path, "one of name or selector must be specified"))
    action, where = value.parameterNotFoundAction, path / "parameterNotFoundAction"
    if not action:
        errors.append(required(where))
    elif action not in ("Deny", "Allow"):
        errors.append(not_supported(where, action, ("Deny", "Allow")))
