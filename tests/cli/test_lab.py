"""`k8snb lab`: the reader's copies are the reader's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from k8snb.cli.lab import FIRST, command, copy_course, served


def test_chapters_are_copied_once_and_changes_stay(tmp_path: Path) -> None:
    copied = copy_course(tmp_path, "en")
    assert FIRST in [p.name for p in copied]
    assert (tmp_path / "en" / "exercises" / "01-selector" / "exercise.yaml") in copied
    (tmp_path / "en" / FIRST).write_text("mine", encoding="utf-8")

    assert copy_course(tmp_path, "en") == []
    assert (tmp_path / "en" / FIRST).read_text(encoding="utf-8") == "mine"


def test_the_command_opens_the_first_chapter(tmp_path: Path) -> None:
    words = command(tmp_path, "zh", no_browser=True, port=9999)

    assert f"--LabApp.default_url=/lab/tree/zh/{FIRST}" in words
    assert words[-2:] == ["--no-browser", "--port=9999"]


def test_a_server_is_not_left_at_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[str] = []

    class Server:
        def __init__(self, words: list[str], env: dict[str, str] | None) -> None:
            waited.extend(words)

        def wait(self) -> int:
            waited.append("wait")
            if len(waited) < 4:
                raise KeyboardInterrupt
            return 7

    monkeypatch.setattr("k8snb.cli.lab.subprocess.Popen", Server)

    assert served(["jupyter"]) == 7
    assert waited == ["jupyter", "wait", "wait", "wait"]
