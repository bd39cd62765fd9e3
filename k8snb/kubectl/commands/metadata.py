"""`kubectl label` and `kubectl annotate`."""

from __future__ import annotations

from functools import partial

from k8snb.api.request import MERGE_PATCH
from k8snb.kubectl import targets
from k8snb.kubectl.call import (
    ALL_NAMESPACES,
    DRY_RUN,
    FIELD_SELECTOR,
    FILES,
    PRINTING,
    SELECTOR,
    Call,
    Command,
    dry_run,
    dry_run_suffix,
)
from k8snb.kubectl.errors import KubectlError
from k8snb.kubectl.flags import Flag
from k8snb.kubectl.printing import result
from k8snb.kubectl.targets import Found


def run(call: Call, field: str) -> int | None:
    """Change `field` (labels or annotations) of objects by `key=value` and `key-`."""
    what = "label" if field == "labels" else "annotation"
    split = next((at for at, word in enumerate(call.args) if "=" in word or word.endswith("-")), len(call.args))
    resources, words = call.args[:split], call.args[split:]
    if not words and not call.flag("list"):
        raise KubectlError(f"at least one {what} update is required")
    wanted: dict[str, str] = {}
    removed: dict[str, None] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if equals:
            if field == "labels" and not key:
                raise KubectlError(f"invalid {what} format: {word}")
            wanted[key] = value
        elif word.endswith("-"):
            removed[word[:-1]] = None
        else:
            raise KubectlError(f"unexpected argument {word}")
    both = [key for key in wanted if key in removed]
    if both:
        raise KubectlError(
            f"can not both modify and remove {'a label' if what == 'label' else 'an annotation'} in the same command"
        )
    how = dry_run(call)

    def change(item: Found) -> None:
        _change(call, item, field, wanted, removed, how)

    count = targets.each(call, targets.fetch(call, resources, list_all=False), change)
    if not count and not call.failed:
        call.complain("No resources found\n")
    return None


def _change(call: Call, item: Found, field: str, wanted: dict[str, str], removed: dict[str, None], how: str) -> None:
    have = getattr(item.object.metadata, field)
    if call.flag("list"):
        for key in sorted(have):
            call.print(f"{key}={have[key]}")
        return
    if not call.flag("overwrite"):
        for key, value in wanted.items():
            if key in have and (field != "labels" or have[key] != value):
                raise KubectlError(
                    f"'{key}' already has a value ({have[key]}), and --overwrite is false"
                    if field == "labels"
                    else f"--overwrite is false but found the following declared annotation(s): '{key}' already has a "
                    f"value ({have[key]})"
                )
    for key in removed:
        if key not in have and field == "labels":
            call.print(f'label "{key}" not found.')
    patch = {key: value for key, value in wanted.items() if have.get(key) != value}
    gone = {key: None for key in removed if key in have}
    done = "annotated"
    if field == "labels":
        done = "labeled" if patch else "unlabeled" if gone else "not labeled"
    obj = item.object
    if (patch or gone) and how != "client":
        obj = call.client.patch(
            item.resource,
            item.namespace,
            item.name,
            {"metadata": {field: {**patch, **gone}}},
            MERGE_PATCH,
            manager=f"kubectl-{'label' if field == 'labels' else 'annotate'}",
            dry_run=how == "server",
        ).object
    result(call, item.resource, item.name, done + dry_run_suffix(how), obj)


_FLAGS = (
    *FILES,
    *PRINTING,
    SELECTOR,
    FIELD_SELECTOR,
    ALL_NAMESPACES,
    DRY_RUN,
    Flag("all", "switch", default=False),
    Flag("list", "switch", default=False),
    Flag("overwrite", "switch", default=False),
    Flag("resource-version", default=""),
    Flag("field-manager", default=""),
)

LABEL = Command("label", "Change labels", partial(run, field="labels"), _FLAGS)
ANNOTATE = Command("annotate", "Change annotations", partial(run, field="annotations"), _FLAGS)
