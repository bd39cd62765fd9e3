"""`k8snb simulate`: exit codes, what is printed, bad input."""

from __future__ import annotations

from pathlib import Path

import pytest

from k8snb.cli import main
from tests.manifests import deployment


@pytest.mark.parametrize(
    ("manifest", "code", "words"),
    [
        pytest.param(deployment(), 0, "Everything is ready.", id="healthy"),
        pytest.param(deployment(image="no-such:1"), 1, "no-such:1", id="unhealthy"),
    ],
)
def test_exit_codes_say_whether_all_is_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], manifest: str, code: int, words: str
) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(manifest, encoding="utf-8")

    assert main(["simulate", str(file), "--for", "30s", "--nodes", "1"]) == code
    assert words in capsys.readouterr().out


def test_bad_input_is_told_and_is_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(deployment().replace("replicas", "replicaz"), encoding="utf-8")

    assert main(["simulate", str(file)]) == 2
    assert "replicaz" in capsys.readouterr().err
    assert main(["simulate", str(tmp_path / "none.yaml")]) == 2


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])

    assert capsys.readouterr().out.startswith("k8snb ")
