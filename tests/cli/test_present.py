"""`k8snb present`: slides beside the chapter, and nothing that stays switched on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from k8snb import locale
from k8snb.cli import main
from k8snb.cli.lab import copy_course
from k8snb.cli.present import command, environment, write_slides


def test_slides_are_written_beside_the_readers_own_chapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locale, "_chosen", ["zh_CN"])
    copy_course(tmp_path, "zh")
    mine = tmp_path / "zh" / "01-walking-into-k8s.ipynb"
    before = mine.read_text(encoding="utf-8")
    slides = write_slides("1", tmp_path)

    assert slides == tmp_path / "zh" / "01-walking-into-k8s.slides.ipynb"
    assert mine.read_text(encoding="utf-8") == before
    assert json.loads(slides.read_text(encoding="utf-8"))["metadata"]["k8snb"]["slides"]["notes"] == "备注"


def test_the_command_keeps_its_settings_to_itself(tmp_path: Path) -> None:
    words = command(tmp_path, tmp_path / "en" / "01.slides.ipynb", tmp_path / "settings", no_browser=True, port=9999)

    assert "--LabApp.default_url=/lab/tree/en/01.slides.ipynb" in words
    assert f"--LabApp.user_settings_dir={tmp_path / 'settings' / 'settings'}" in words
    place = next(w for w in words if w.startswith("--LabApp.extra_labextensions_path=")).partition("=")[2]
    assert (Path(place) / "k8snb-present" / "package.json").is_file()


def test_pictures_are_drawn_for_a_projector() -> None:
    assert environment()["K8SNB_PROJECTOR"] == "1"


def test_an_unknown_chapter_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["present", "99", "--lang", "en", "--dir", str(tmp_path)]) == 2
    assert "There is no chapter '99'" in capsys.readouterr().err


def test_a_missing_deck_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("k8snb.cli.present.importlib.util.find_spec", lambda _: None)

    assert main(["present", "01", "--lang", "en", "--dir", str(tmp_path)]) == 2
    assert "pip install jupyterlab-slideshow" in capsys.readouterr().err
