"""What a replay found: how many records agree, by file and category, and where the others differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Difference:
    """One record that does not agree: its file, category and id, and what is different, one line each."""

    file: str
    category: str
    id: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([f"{self.file} {self.category} {self.id}", *(f"    {line}" for line in self.lines)])


@dataclass
class Report:
    """Counts and differences of one replay."""

    counts: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    levels: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    def record(
        self,
        file: str,
        category: str,
        name: str,
        lines: Sequence[str] = (),
        level: int | None = None,
    ) -> None:
        """Note one record: it agrees when there are no `lines`; `level` is how far an error agrees (0 to 4)."""
        count = self.counts.setdefault((file, category), [0, 0])
        count[1] += 1
        if lines:
            self.differences.append(Difference(file, category, name, tuple(lines)))
        else:
            count[0] += 1
        if level is not None:
            reached = self.levels.setdefault((file, category), [0, 0, 0, 0])
            for index in range(min(level, 4)):
                reached[index] += 1

    @property
    def matched(self) -> int:
        """How many records agree."""
        return sum(matched for matched, _ in self.counts.values())

    @property
    def total(self) -> int:
        """How many records were replayed."""
        return sum(total for _, total in self.counts.values())

    def text(self, verbose: bool = True) -> str:
        """The report as printed: differences first (`verbose`), then the counts."""
        parts = [str(difference) for difference in self.differences] if verbose else []
        for key, (matched, total) in self.counts.items():
            line = f"{key[0]} {key[1]}: {matched} of {total} match"
            if key in self.levels:
                steps = ("code", "reason", "causes", "message")
                line += "  (" + ", ".join(f"{s} {n}" for s, n in zip(steps, self.levels[key], strict=True)) + ")"
            parts.append(line)
        for file in dict.fromkeys(file for file, _ in self.counts):
            pairs = [count for (name, _), count in self.counts.items() if name == file]
            parts.append(f"{file}: {sum(p[0] for p in pairs)} of {sum(p[1] for p in pairs)} match")
        parts.append(f"{self.matched} of {self.total} match")
        return "\n".join(parts)
