"""The line discipline of a terminal: what the kernel does between a keyboard and a shell.

kubectl puts the reader's own terminal into raw mode, so echoing, erasing and Ctrl-C are done here.
"""

from __future__ import annotations

INTERRUPT, END, BACKSPACE, DELETE, KILL = "\x03", "\x04", "\x08", "\x7f", "\x15"
LINE_LIMIT = 4096
"""Characters of a line (the kernel's limit in canonical mode)."""


class Terminal:
    """Collects typed characters into lines; ``typed`` gives what to echo and the lines that were finished."""

    def __init__(self, echoes: bool) -> None:
        self._echoes = echoes
        self._line = ""
        self._escape = False
        self.ended = False

    def typed(self, data: str) -> tuple[str, list[str | None]]:
        """Take in characters: the echo, and finished lines (None for one that Ctrl-C threw away)."""
        echo, lines = "", list[str | None]()
        for char in data:
            if self._escape:  # arrow and function keys do nothing
                self._escape = not (char.isalpha() or char == "~")
            elif not self._echoes:
                if char == "\n":
                    lines.append(self._line)
                    self._line = ""
                elif len(self._line) < LINE_LIMIT:
                    self._line += char
            elif char in "\r\n":
                echo += "\r\n"
                lines.append(self._line)
                self._line = ""
            elif char == INTERRUPT:
                echo += "^C\r\n"
                lines.append(None)
                self._line = ""
            elif char == END:
                self.ended = self.ended or not self._line
            elif char in (BACKSPACE, DELETE):
                if self._line:
                    echo += "\b \b"
                    self._line = self._line[:-1]
            elif char == KILL:
                echo += "\b \b" * len(self._line)
                self._line = ""
            elif char == "\x1b":
                self._escape = True
            elif char >= " " and len(self._line) < LINE_LIMIT:
                echo += char
                self._line += char
        return echo, lines

    def rest(self) -> str:
        """What was typed without a final newline."""
        rest, self._line = self._line, ""
        return rest

    def shown(self, text: str) -> str:
        """Output as a terminal gets it."""
        return text.replace("\n", "\r\n") if self._echoes else text
