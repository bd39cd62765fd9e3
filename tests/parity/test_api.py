"""Every recorded answer of the API, replayed; what cannot agree is listed with its cause."""

from __future__ import annotations

import pytest

from tests.parity.__main__ import GOLDEN
from tests.parity.api import FILES, run

EXCEPTIONS: dict[str, str] = {
    "P0103": "the recorded server had one more source in its token volume, which moves the line numbers of the diff",
    "R0275": "the recording left out every rule about /.well-known, also that of service accounts",
}
"""By id: recorded answers that differ, and why."""


@pytest.mark.parametrize("name", FILES)
def test_recorded_answers(name: str) -> None:
    report = run(GOLDEN / "api", [name], verbose=False)

    assert report.total > 0
    assert [str(item) for item in report.differences if item.id not in EXCEPTIONS] == []
