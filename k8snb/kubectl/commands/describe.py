"""`kubectl describe`."""

from __future__ import annotations

from collections.abc import Iterator

from k8snb.api.errors import APIError
from k8snb.kubectl import targets
from k8snb.kubectl.call import ALL_NAMESPACES, FILES, SELECTOR, Call, Command
from k8snb.kubectl.describe import describe
from k8snb.kubectl.errors import KubectlError
from k8snb.kubectl.flags import Flag
from k8snb.kubectl.targets import Found, Target


def run(call: Call) -> int | None:
    """Show objects at length; a name that is not there may be the beginning of several."""
    if not call.args and not call.flag("filename"):
        raise KubectlError("You must specify the type of resource to describe. Use \"kubectl api-resources\" for a "
                           "complete list of supported resources.\n", bare=True)  # fmt: skip
    shown = 0
    for item in _found(call):
        if shown:
            call.write("\n\n")
        shown += 1
        call.write(describe(call.client, item.resource, item.object, events=bool(call.flag("show-events"))))
    if not shown and not call.failed:
        call.complain(
            "No resources found\n"
            if call.flag("all-namespaces")
            else f"No resources found in {call.namespace} namespace.\n"
        )
    return None


def _found(call: Call) -> Iterator[Found]:
    if call.flag("filename"):
        yield from targets.fetch(call)
        return
    for target in targets.parse(call):
        try:
            found = targets.read(call, target)
        except APIError as error:
            found = _beginning(call, target) if error.reason == "NotFound" and target.name else []
            if not found:
                call.fail(error)
        yield from found


def _beginning(call: Call, target: Target) -> list[Found]:
    """Objects whose names begin with the one asked for."""
    every = targets.read(call, target._replace(name=""))
    return [item for item in every if item.name.startswith(target.name)]


DESCRIBE = Command(
    "describe",
    "Show objects at length, with their events",
    run,
    (
        *FILES,
        SELECTOR,
        ALL_NAMESPACES,
        Flag("show-events", "switch", default=True),
        Flag("chunk-size", "number", default=500),
    ),
)
