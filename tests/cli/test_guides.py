"""The guides: copied with the course, the same in both languages, and every command in them exists."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

import pytest

from k8snb.cli import COMMANDS
from k8snb.cli.lab import copy_course
from k8snb.presenting.course import course

GUIDES = ("for-students.md", "for-teachers.md")
EVERY = [pytest.param(language, name, id=f"{language}/{name}") for name in GUIDES for language in ("en", "zh")]


def read(language: str, name: str) -> str:
    return (course("notebooks") / language / name).read_text(encoding="utf-8")


def commands() -> dict[str, set[str]]:
    """The options of every command."""
    parser: Any = argparse.ArgumentParser().add_subparsers()
    for add in COMMANDS:
        add(parser)
    return {name: set(one._option_string_actions) for name, one in parser.choices.items()}


@pytest.mark.parametrize("name", GUIDES)
def test_both_languages_have_the_same_parts(name: str) -> None:
    def shape(text: str) -> list[str]:
        kept = [line for line in text.splitlines() if line.startswith(("#", "|", "```", "- ", "1.", "2.", "3."))]
        return [re.match(r"#+|\|[-|]+$|\||```\w*|- |\d\.", line)[0] for line in kept]  # type: ignore[index]  # all match

    assert shape(read("en", name)) == shape(read("zh", name))


@pytest.mark.parametrize(("language", "name"), EVERY)
def test_every_command_in_a_guide_exists(language: str, name: str) -> None:
    known = commands()
    said = re.findall(r"`?k8snb ([a-z]+)\b([^`\n#|]*)", read(language, name))

    assert {command for command, _ in said} <= set(known)
    wrong = [
        (command, option)
        for command, rest in said
        for option in re.findall(r"--[a-z-]+", rest)
        if command in known and option not in known[command]
    ]
    assert wrong == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_guides_are_copied_with_the_course(language: str, tmp_path: Path) -> None:
    copied = {path.name for path in copy_course(tmp_path, language)}

    assert set(GUIDES) <= copied


@pytest.mark.parametrize(("language", "name"), EVERY)
def test_a_guide_is_short_and_links_lead_somewhere(language: str, name: str) -> None:
    text = read(language, name)
    links = re.findall(r"\]\((?!http)([^)#]+)\)", text)

    assert len(text) < 5000
    assert [link for link in links if not (course("notebooks") / language / link).exists()] == []
