"""kubectl describe: the full story of objects."""

from __future__ import annotations

from k8snb.kubectl import targets
from k8snb.kubectl.call import ALL_NAMESPACES, FILES, SELECTOR, Call, Command
from k8snb.kubectl.describe import describe
from k8snb.kubectl.errors import KubectlError
from k8snb.kubectl.flags import Flag


def run(call: Call) -> int | None:
    """Describe what arguments, selectors or files name."""
    if not call.args and not call.flag("filename"):
        raise KubectlError(
            'You must specify the type of resource to describe. Use "kubectl api-resources" for a complete list of '
            "supported resources.\n",
            bare=True,
        )
    told = [describe(call.client, found.object, bool(call.flag("show-events"))) for found in targets.fetch(call)]
    if told:
        call.write("\n\n".join(told))
    elif not call.failed:
        where = "" if call.flag("all-namespaces") else f" in {call.namespace} namespace"
        call.complain(f"No resources found{where}.\n")
    return None


DESCRIBE = Command(
    "describe",
    "Show the full story of objects",
    run,
    (
        *FILES,
        SELECTOR,
        ALL_NAMESPACES,
        Flag("show-events", "switch", default=True),
        Flag("chunk-size", "number", default=500),
    ),
)
