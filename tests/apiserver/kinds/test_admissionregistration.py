"""Admission webhooks, admission policies and their bindings."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apiserver.kinds.judge import problems, stored

Tree = dict[str, Any]
RULE: Tree = {"apiGroups": ["a"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["b"]}


def webhook(**fields: Any) -> Tree:
    hook = {
        "name": "a.example.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "clientConfig": {"url": "https://example.com/x"},
        "rules": [RULE],
        **fields,
    }
    return {"webhooks": [hook]}


def rule(**fields: Any) -> Tree:
    return webhook(rules=[{**RULE, **fields}])


RULES = "webhooks[0].rules[0]"
CONFIG = "webhooks[0].clientConfig"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(webhook(), [], id="good"),
        pytest.param(
            {"webhooks": webhook()["webhooks"] * 2},
            ['webhooks[1].name: Duplicate value: "a.example.com"'],
            id="name twice",
        ),
        pytest.param(
            rule(operations=["*", "CREATE"]),
            [
                f'{RULES}.operations: Invalid value: ["*","CREATE"]: if \'*\' is present, must not specify other operations'
            ],
            id="all and one",
        ),
        pytest.param(
            rule(resources=["pods/*", "pods/log"]),
            [f"{RULES}.resources[1]: Invalid value: \"pods/log\": if 'pods/*' is present, must not specify pods/log"],
            id="all parts and one",
        ),
        pytest.param(
            rule(resources=["*", "pods"]),
            [
                (
                    f'{RULES}.resources: Invalid value: ["*","pods"]: if \'*\' is present, must not specify other resources'
                    " without subresources"
                )
            ],
            id="all resources and one",
        ),
        pytest.param(
            rule(scope="Everywhere"),
            [f'{RULES}.scope: Unsupported value: "Everywhere": supported values: "*", "Cluster", "Namespaced"'],
            id="scope",
        ),
        pytest.param(
            webhook(clientConfig={"url": "https://u@/x?a#b"}),
            [
                f'{CONFIG}.url: Invalid value: "": host must be provided; desired format: https://host[/path]',
                f'{CONFIG}.url: Invalid value: "u": user information is not permitted in the URL',
                f'{CONFIG}.url: Invalid value: "b": fragments are not permitted in the URL',
                f'{CONFIG}.url: Invalid value: "a": query parameters are not permitted in the URL',
            ],
            id="url",
        ),
        pytest.param(
            webhook(clientConfig={"service": {"name": "s", "namespace": "n", "path": "a//b", "port": 0}}),
            [
                f"{CONFIG}.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive",
                f"{CONFIG}.service.path: Invalid value: \"a//b\": must start with a '/'",
                f'{CONFIG}.service.path: Invalid value: "a//b": segment[0] may not be empty',
                f'{CONFIG}.service.path: Invalid value: "a//b": segment[1] may not be empty',
            ],
            id="service",
        ),
        pytest.param(
            webhook(admissionReviewVersions=["v7"]),
            ['webhooks[0].admissionReviewVersions: Invalid value: ["v7"]: must include at least one of v1, v1beta1'],
            id="review versions",
        ),
        pytest.param(
            webhook(timeoutSeconds=31),
            ["webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds"],
            id="timeout",
        ),
        pytest.param(
            webhook(matchConditions=[{"name": "c", "expression": "1"}]),
            ['webhooks[0].matchConditions[0].expression: Invalid value: "1": must evaluate to bool but got int'],
            id="condition",
        ),
    ],
)
def test_webhook(body: Tree, expected: list[str]) -> None:
    assert expected == problems("validatingwebhookconfigurations", body)


def policy(**spec: Any) -> Tree:
    return {
        "spec": {
            "matchConstraints": {"resourceRules": [RULE]},
            "validations": [{"expression": "true"}],
            **spec,
        }
    }


FIRST = "spec.validations[0]"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(policy(), [], id="good"),
        pytest.param(
            policy(matchConstraints=None), ["spec.matchConstraints: Required value"], id="for nothing in particular"
        ),
        pytest.param(
            policy(validations=[]),
            [
                f"spec.{name}: Required value: validations or auditAnnotations must contain at least one item"
                for name in ("validations", "auditAnnotations")
            ],
            id="nothing to do",
        ),
        pytest.param(
            policy(validations=[{"expression": "params.x == 1"}]),
            [
                (
                    f'{FIRST}.expression: Invalid value: "params.x == 1": compilation failed: ERROR: <input>:1:1: undeclared'
                    " reference to 'params' (in container '')\n | params.x == 1\n | ^"
                )
            ],
            id="parameters without a kind",
        ),
        pytest.param(
            policy(validations=[{"expression": "params.x == 1"}], paramKind={"apiVersion": "v1", "kind": "ConfigMap"}),
            [],
            id="parameters with a kind",
        ),
        pytest.param(
            policy(validations=[{"expression": "true", "message": "a\nb", "reason": "Because"}]),
            [
                f'{FIRST}.message: Invalid value: "a\\nb": message must not contain line breaks',
                (
                    f'{FIRST}.reason: Unsupported value: "Because": supported values: "Forbidden", "Invalid",'
                    ' "RequestEntityTooLarge"'
                ),
            ],
            id="message and reason",
        ),
        pytest.param(
            policy(variables=[{"name": "in", "expression": "1"}]),
            ['spec.variables[0].name: Invalid value: "in": name is not a valid CEL identifier'],
            id="a reserved word",
        ),
    ],
)
def test_validating_policy(body: Tree, expected: list[str]) -> None:
    assert expected == problems("validatingadmissionpolicies", body)


def test_a_mutating_policy_needs_mutations_and_says_whether_it_runs_again() -> None:
    assert problems("mutatingadmissionpolicies", {"spec": {"matchConstraints": {"resourceRules": [RULE]}}}) == [
        "spec.mutations: Required value: mutations must contain at least one item",
        "spec.reinvocationPolicy: Required value",
    ]


def test_a_policy_is_completed() -> None:
    made = stored("validatingadmissionpolicies", policy())["spec"]

    assert made["failurePolicy"] == "Fail"
    assert made["matchConstraints"] == {
        "namespaceSelector": {},
        "objectSelector": {},
        "resourceRules": [{**RULE, "scope": "*"}],
        "matchPolicy": "Equivalent",
    }


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({"policyName": "p", "validationActions": ["Deny"]}, [], id="good"),
        pytest.param(
            {"validationActions": ["Stop", "Stop"]},
            [
                "spec.policyName: Required value",
                'spec.validationActions[0]: Unsupported value: "Stop": supported values: "Audit", "Deny", "Warn"',
                'spec.validationActions[1]: Unsupported value: "Stop": supported values: "Audit", "Deny", "Warn"',
                'spec.validationActions[1]: Duplicate value: "Stop"',
            ],
            id="actions",
        ),
        pytest.param(
            {"policyName": "p", "validationActions": ["Deny"], "paramRef": {"parameterNotFoundAction": "Deny"}},
            ["spec.paramRef: Required value: one of name or selector must be specified"],
            id="parameters",
        ),
    ],
)
def test_binding(spec: Tree, expected: list[str]) -> None:
    assert expected == problems("validatingadmissionpolicybindings", {"spec": spec})
