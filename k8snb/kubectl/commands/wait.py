"""`kubectl wait`: let simulated time pass until objects are in a state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from k8snb.api.codec import to_dict
from k8snb.api.errors import APIError
from k8snb.apiserver.tables import jsonpath
from k8snb.kubectl import targets
from k8snb.kubectl.call import ALL_NAMESPACES, FIELD_SELECTOR, FILES, PRINTING, SELECTOR, Call, Command
from k8snb.kubectl.errors import KubectlError, usage
from k8snb.kubectl.flags import Flag
from k8snb.kubectl.targets import Found, qualified

Condition = Callable[[Any], bool]


def run(call: Call) -> int | None:
    """Wait for every object in turn."""
    wanted = [str(word) for word in call.flag("for")]
    if not wanted or not wanted[0]:
        raise usage("wait", "you must specify a condition with --for")
    timeout = float(call.flag("timeout"))
    if timeout < 0:
        timeout = 7 * 86_400.0
    if wanted[0] == "create":
        return _created(call, timeout)
    gone = wanted[0] == "delete"
    holds = None if gone else _condition(wanted[0])
    try:
        found = _found(call)
    except APIError as error:
        if gone and error.reason == "NotFound":
            return None
        raise
    if not found:
        if gone:
            return None
        raise KubectlError("no matching resources found")
    end = call.client.now + timeout
    for item in found:
        left = max(0.0, end - call.client.now)
        if gone:
            if not call.client.wait(_gone(call, item), left):
                raise KubectlError(f"timed out waiting for the condition on {item.resource.plural}/{item.name}")
            call.print(f"{item.label} condition met")
        elif not call.client.wait(_met(call, item, holds), left):
            call.fail(KubectlError(f"timed out waiting for the condition on {item.resource.plural}/{item.name}"))
        else:
            call.print(f"{item.label} condition met")
    return None


def _found(call: Call) -> list[Found]:
    if call.flag("filename"):
        return list(targets.fetch(call))
    out: list[Found] = []
    for target in targets.parse(call):
        if not target.name and not (call.flag("all") or call.flag("selector") or call.flag("field-selector")):
            raise KubectlError("resource(s) were provided, but no name was specified")
        out.extend(targets.read(call, target))
    return out


def _created(call: Call, timeout: float) -> int | None:
    for target in targets.parse(call):

        def there(target: targets.Target = target) -> bool:
            return call.client.find(target.resource, target.namespace, target.name) is not None

        if not call.client.wait(there, timeout):
            raise KubectlError(f"timed out waiting for the condition on {target.resource.plural}/{target.name}")
        call.print(f"{qualified(target.resource)}/{target.name} condition met")
    return None


def _met(call: Call, item: Found, holds: Condition | None) -> Callable[[], bool]:
    def met() -> bool:
        obj = call.client.find(item.resource, item.namespace, item.name)
        return obj is not None and holds is not None and holds(obj)

    return met


def _gone(call: Call, item: Found) -> Callable[[], bool]:
    def gone() -> bool:
        obj = call.client.find(item.resource, item.namespace, item.name)
        return obj is None or obj.metadata.uid != item.object.metadata.uid

    return gone


def _condition(text: str) -> Condition:
    """What `--for` asks for; raises `KubectlError`."""
    kind, _, rest = text.partition("=")
    if kind == "condition":
        name, equals, value = rest.partition("=")
        status = (value if equals else "true").lower()

        def has(obj: Any) -> bool:
            conditions = (to_dict(obj).get("status") or {}).get("conditions") or ()
            generation = obj.metadata.generation
            for item in conditions:
                if str(item.get("type", "")).lower() == name.lower():
                    seen = item.get("observedGeneration")
                    return str(item.get("status", "")).lower() == status and not (
                        seen and generation and seen < generation
                    )
            return False

        return has
    if kind == "jsonpath":
        path, expected = _path(rest)
        nodes = jsonpath.parse(jsonpath.relaxed(path))

        def matches(obj: Any) -> bool:
            try:
                found = [item for part in jsonpath.find(nodes, to_dict(obj)) for item in part]
            except jsonpath.JSONPathError:
                return False
            if expected is None:
                return bool(found) and found[0] not in (None, "")
            return len(found) == 1 and jsonpath.text_of(found[0]).strip() == expected

        return matches
    raise KubectlError(f'unrecognized condition: "{text}"')


def _path(text: str) -> tuple[str, str | None]:
    text = text.strip("'")
    depth = 0
    for at, char in enumerate(text):
        depth += (char in "{[(") - (char in "}])")
        if char == "=" and not depth:
            value = text[at + 1 :].strip("'\"")
            if not value:
                raise KubectlError("jsonpath wait has to have a value after equal sign")
            return text[:at].strip("'"), value
    return text, None


WAIT = Command(
    "wait",
    "Wait for a state of objects",
    run,
    (
        *FILES,
        *PRINTING,
        SELECTOR,
        FIELD_SELECTOR,
        ALL_NAMESPACES,
        Flag("for", "array"),
        Flag("timeout", "duration", default=30.0),
        Flag("all", "switch", default=False),
        Flag("local", "switch", default=False),
    ),
)
