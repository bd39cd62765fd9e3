"""`k8snb export`: one file a chapter, and a sentence for what could not be exported."""

from __future__ import annotations

from pathlib import Path

import pytest

from k8snb.cli import main
from tests.presenting.talk import SHORT, write_talk


@pytest.mark.parametrize(("kind", "name"), [("slides", "talk.slides.html"), ("html", "talk.html")])
def test_a_notebook_becomes_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, name: str) -> None:
    code = main(
        ["export", str(write_talk(tmp_path, *SHORT)), "--to", kind, "--lang", "zh", "--out", str(tmp_path / "out")]
    )

    assert (code, [p.name for p in (tmp_path / "out").iterdir()]) == (0, [name])
    assert name in capsys.readouterr().out
    page = (tmp_path / "out" / name).read_text(encoding="utf-8")
    assert "data-recording" in page
    assert 'class="prediction"' in page
    assert "Ask <em>why</em>." in page
    assert "控制平面" in page


def test_a_cell_that_fails_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(
        [
            "export",
            str(write_talk(tmp_path, *SHORT, ("code", "slide", "1 / 0"))),
            "--lang",
            "en",
            "--out",
            str(tmp_path / "out"),
        ]
    )

    assert code == 1
    assert "code cell 6 did not run to its end: ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "told"),
    [("99", "There is no chapter '99'"), ("nothing.ipynb", "no notebook nothing.ipynb"), ("x.ipynb", "is no notebook")],
)
def test_what_cannot_be_exported_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.ipynb").write_text("{}", encoding="utf-8")

    assert main(["export", name, "--lang", "en"]) == 2
    assert told in capsys.readouterr().err
