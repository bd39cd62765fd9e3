"""Text in columns, as Go's `text/tabwriter` aligns it.

Tabs end cells; a column is a run of neighbouring lines that have a cell there, as wide as its widest cell. Describe
output uses it with a padding of 2 and no least width, tables with 3 and 6.
"""

from __future__ import annotations

Lines = list[list[str]]


def align(text: str, padding: int = 2, least: int = 0) -> str:
    """The text with its tab-separated cells aligned; the last cell of a line is never padded."""
    lines = [line.split("\t") for line in text.split("\n")]
    out: list[str] = []
    _format(lines, 0, len(lines), [], out, padding, least)
    return "\n".join(out)


def _format(lines: Lines, start: int, end: int, widths: list[int], out: list[str], padding: int, least: int) -> None:
    column = len(widths)
    at = start
    while at < end:
        if column >= len(lines[at]) - 1:
            at += 1
            continue
        _write(lines, start, at, widths, out)
        start = at
        width = least
        while at < end and column < len(lines[at]) - 1:
            width = max(width, len(lines[at][column]) + padding)
            at += 1
        _format(lines, start, at, [*widths, width], out, padding, least)
        start = at
    _write(lines, start, end, widths, out)


def _write(lines: Lines, start: int, end: int, widths: list[int], out: list[str]) -> None:
    for line in lines[start:end]:
        cells = [cell.ljust(widths[i]) if i < len(widths) else cell for i, cell in enumerate(line)]
        out.append("".join(cells))


def table(rows: list[list[str]]) -> str:
    """Rows of cells as `kubectl get` prints them, each line ended."""
    return align("".join("\t".join(row) + "\n" for row in rows), padding=3, least=6)
