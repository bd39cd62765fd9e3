"""`k8snb export`: one file a chapter, and a sentence for what could not be exported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from k8snb.cli import main

TALK = (
    ("markdown", "slide", "# A talk\n\nOne cluster. [Next](01-walking-into-k8s.ipynb)"),
    (
        "code",
        "fragment",
        "from k8snb import Cluster, predict\ncluster = Cluster(nodes=2)\nguess = predict(1, 2)\nguess",
    ),
    ("code", "fragment", "guess.compare(len(cluster.nodes))"),
    ("code", "fragment", "cluster"),
    ("markdown", "notes", "Ask *why*."),
)


def talk(folder: Path, *extra: str) -> Path:
    cells = [
        {
            "cell_type": kind,
            "id": f"c{i}",
            "metadata": {"slideshow": {"slide_type": slide}},
            "source": source.splitlines(keepends=True),  # as Jupyter writes it
            **({"outputs": [], "execution_count": None} if kind == "code" else {}),
        }
        for i, (kind, slide, source) in enumerate((*TALK, *(("code", "slide", source) for source in extra)))
    ]
    path = folder / "talk.ipynb"
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), encoding="utf-8")
    return path


@pytest.mark.parametrize(("kind", "name"), [("slides", "talk.slides.html"), ("html", "talk.html")])
def test_a_notebook_becomes_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, name: str) -> None:
    code = main(["export", str(talk(tmp_path)), "--to", kind, "--lang", "zh", "--out", str(tmp_path / "out")])

    assert (code, [p.name for p in (tmp_path / "out").iterdir()]) == (0, [name])
    assert name in capsys.readouterr().out
    page = (tmp_path / "out" / name).read_text(encoding="utf-8")
    assert "data-recording" in page
    assert 'class="prediction"' in page
    assert "Ask <em>why</em>." in page
    assert "控制平面" in page


def test_a_cell_that_fails_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["export", str(talk(tmp_path, "1 / 0")), "--lang", "en", "--out", str(tmp_path / "out")])

    assert code == 1
    assert "code cell 4 did not run to its end: ZeroDivisionError" in capsys.readouterr().err


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
