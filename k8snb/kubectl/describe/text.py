"""Lines in levels, aligned by tabs: how describe output is written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from k8snb.kubectl.tabs import align

NONE = "<none>"


class Writer:
    """Collects lines; two spaces for each level, tabs between what stands in columns."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def line(self, level: int, text: str = "") -> None:
        """A line at a level."""
        self._parts.append("  " * level + text + "\n")

    def field(self, level: int, name: str, value: object) -> None:
        """``name:`` and its value, in two columns."""
        self.line(level, f"{name}:\t{value}")

    def labels(self, level: int, name: str, values: Mapping[str, str], sign: str = "=") -> None:
        """A map in sorted order, one pair a line."""
        if not values:
            self.field(level, name, NONE)
            return
        for i, key in enumerate(sorted(values)):
            self.line(level if i == 0 else 0, f"{f'{name}:' if i == 0 else ''}\t{key}{sign}{values[key]}")

    def raw(self) -> str:
        """What was written, not aligned."""
        return "".join(self._parts)

    def text(self) -> str:
        """What was written, with its columns aligned."""
        return align(self.raw())


def write_annotations(writer: Writer, level: int, values: Mapping[str, str], name: str = "Annotations") -> None:
    """Annotations as describe shows them: without the last applied configuration."""
    shown = {k: v for k, v in values.items() if k != "kubectl.kubernetes.io/last-applied-configuration"}
    writer.labels(level, name, shown, ": ")


def when(text: str | None) -> str:
    """A time as describe writes it (RFC 1123 with the zone as a number)."""
    if not text:
        return "Mon, 01 Jan 0001 00:00:00 +0000"
    return datetime.fromisoformat(text).strftime("%a, %d %b %Y %H:%M:%S +0000")
