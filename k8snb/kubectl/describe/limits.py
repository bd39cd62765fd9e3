"""Quotas, limit ranges, disruption budgets."""

from __future__ import annotations

from typing import Any

from k8snb.api import quantity, selectors
from k8snb.kubectl.describe.page import NONE, Page


def limits_table(page: Page, items: list[Any], indent: str = "") -> None:
    """The table of a LimitRange's limits."""
    page.line(f"{indent}Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio")
    page.line(f"{indent}----\t--------\t---\t---\t---------------\t-------------\t-----------------------")
    for item in items:
        maps = (item.min, item.max, item.defaultRequest, item.default, item.maxLimitRequestRatio)
        for name in sorted({name for values in maps for name in values}):
            cells = "\t".join(values.get(name, "-") for values in maps)
            page.line(f"{indent}{item.type}\t{name}\t{cells}")


def limit_range(page: Page, obj: Any) -> None:
    """A LimitRange."""
    page.line(f"Name:\t{obj.metadata.name}")
    page.line(f"Namespace:\t{obj.metadata.namespace}")
    limits_table(page, list(obj.spec.limits))


def resource_quota(page: Page, obj: Any) -> None:
    """A ResourceQuota."""
    page.line(f"Name:\t{obj.metadata.name}")
    page.line(f"Namespace:\t{obj.metadata.namespace}")
    if obj.spec.scopes:
        page.line(f"Scopes:\t{', '.join(sorted(obj.spec.scopes))}")
    page.line("Resource\tUsed\tHard")
    page.line("--------\t----\t----")
    for name in sorted(obj.status.hard):
        used = quantity.canonical(obj.status.used.get(name, "0"))
        page.line(f"{name}\t{used}\t{obj.status.hard[name]}")


def disruption_budget(page: Page, obj: Any) -> None:
    """A PodDisruptionBudget."""
    spec, status = obj.spec, obj.status
    page.line(f"Name:\t{obj.metadata.name}")
    page.line(f"Namespace:\t{obj.metadata.namespace}")
    if spec.minAvailable is not None:
        page.line(f"Min available:\t{spec.minAvailable}")
    elif spec.maxUnavailable is not None:
        page.line(f"Max unavailable:\t{spec.maxUnavailable}")
    if spec.selector is None:
        page.line("Selector:\t<unset>")
    else:
        page.line(f"Selector:\t{str(selectors.from_label_selector(spec.selector)) or NONE}")
    page.line("Status:")
    for title, value in (
        ("Allowed disruptions", status.disruptionsAllowed),
        ("Current", status.currentHealthy),
        ("Desired", status.desiredHealthy),
        ("Total", status.expectedPods),
    ):
        page.line(f"{title}:\t{value or 0}", 2)
    page.events(obj)
