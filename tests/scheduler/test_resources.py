"""What pods ask for, counted as kube-scheduler counts it."""

from __future__ import annotations

from typing import Any

import pytest

from k8snb.api.codec import from_dict
from k8snb.api.types.core_v1 import Pod
from k8snb.scheduler.resources import is_extended, is_scalar, pod_requests

MI = 1024 * 1024


def container(name: str, cpu: str = "", memory: str = "", **more: Any) -> dict[str, Any]:
    requests = {key: value for key, value in (("cpu", cpu), ("memory", memory)) if value}
    requests.update(more.pop("requests", {}))
    return {"name": name, "resources": {"requests": requests}, **more}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({"containers": [container("a", "100m", "1Mi"), container("b", "1")]}, (1100, MI), id="the sum"),
        pytest.param(
            {"containers": [container("a", "100m")], "initContainers": [container("i", "500m", "2Mi")]},
            (500, 2 * MI),
            id="at least the largest init container",
        ),
        pytest.param(
            {
                "containers": [container("a", "300m")],
                "initContainers": [container("s", "200m", restartPolicy="Always")],
            },
            (500, 0),
            id="sidecars count with the containers",
        ),
        pytest.param(
            {
                "containers": [container("a", "100m")],
                "initContainers": [container("s", "200m", restartPolicy="Always"), container("i", "400m")],
            },
            (600, 0),
            id="an init container runs beside the sidecars before it",
        ),
        pytest.param(
            {
                "containers": [container("a", "100m")],
                "initContainers": [container("i", "400m"), container("s", "200m", restartPolicy="Always")],
            },
            (400, 0),
            id="but not beside those after it",
        ),
        pytest.param(
            {"containers": [container("a", "100m")], "overhead": {"cpu": "50m", "memory": "1Mi"}},
            (150, MI),
            id="overhead",
        ),
        pytest.param(
            {"containers": [container("a", "100m", "1Mi")], "resources": {"requests": {"cpu": "2"}}},
            (2000, MI),
            id="pod-level requests replace the sum",
        ),
        pytest.param({"containers": [container("a", "1m"), container("b", "0.1")]}, (101, 0), id="fractions"),
    ],
)
def test_requests(spec: dict[str, Any], expected: tuple[int, int]) -> None:
    found = pod_requests(from_dict(Pod, {"spec": spec}))

    assert expected == (found.cpu, found.memory)


def test_containers_without_requests_count_something_for_scores() -> None:
    found = pod_requests(from_dict(Pod, {"spec": {"containers": [container("a"), container("b", "1")]}}))

    assert (found.cpu, found.nonzero_cpu, found.nonzero_memory) == (1000, 1100, 400 * MI)


def test_what_the_kubelet_reports_counts_while_a_resize_is_on_its_way() -> None:
    spec = {"containers": [container("a", "500m")]}
    reported = {"name": "a", "resources": {"requests": {"cpu": "2"}}, "allocatedResources": {"cpu": "2"}}
    resizing = from_dict(Pod, {"spec": spec, "status": {"containerStatuses": [reported]}})
    done = from_dict(
        Pod,
        {"spec": spec, "status": {"containerStatuses": [{"name": "a", "resources": {"requests": {"cpu": "500m"}}}]}},
    )

    assert (pod_requests(resizing).cpu, pod_requests(done).cpu) == (2000, 500)


def test_pods_of_one_template_share_the_result() -> None:
    one = from_dict(Pod, {"metadata": {"name": "a"}, "spec": {"containers": [container("a", "1")]}})
    from msgspec.structs import replace

    other = replace(one, metadata=replace(one.metadata, name="b"), spec=replace(one.spec, nodeName="n1"))

    assert pod_requests(one) is pod_requests(other)


@pytest.mark.parametrize(
    ("name", "extended", "scalar"),
    [
        ("example.com/gpu", True, True),
        ("hugepages-2Mi", False, True),
        ("attachable-volumes-x", False, True),
        ("cpu", False, False),
        ("kubernetes.io/thing", False, True),
    ],
)
def test_kinds_of_resources(name: str, extended: bool, scalar: bool) -> None:
    assert (extended, scalar) == (is_extended(name), is_scalar(name))
