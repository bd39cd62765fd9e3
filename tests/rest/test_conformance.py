"""schemathesis on our own OpenAPI documents; the whole of it is `make conformance`."""

from __future__ import annotations

import pytest

from tests.rest import conformance

pytestmark = pytest.mark.filterwarnings("default")  # the library's own warnings are not ours to mend

SAMPLES = {"api/v1": 60, "apis/apps/v1": 20}
"""Documents, and of how many of their paths one is tried."""


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_of_the_documents(name: str) -> None:
    pytest.importorskip("schemathesis")
    tried = list(conformance.trials(conformance.documents()[name], examples=2, seed=7, every=SAMPLES[name]))

    assert [failure for trial in tried for failure in trial.found.values()] == []
    assert all(trial.asked for trial in tried)
