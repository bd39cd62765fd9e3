"""Whatever is written in a script, the shell answers; it never fails itself."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from k8snb.node.exec import Result
from k8snb.node.shell.commands import COMMANDS
from tests.node.shell.test_scripts import run

WORDS = [
    *COMMANDS, "if", "then", "else", "elif", "fi", "for", "in", "do", "done", "while", "until", "case", "esac", "x", "1", "0", "-n",
    "/tmp/f", "/etc/hosts", "$x", "${x:-y}", "${x#*}", "$(echo a)", "`date`", "$((1+2))", "$((x/0))", '"a b"', "'c'", "x=1", "y=$x",
    ";", ";;", "&&", "||", "|", "&", "(", ")", "{", "}", "!", "\n", ">", ">>", "<", "2>&1", "<<EOF\nz\nEOF\n", "*", "?", "~",
    "http://web/", "web", "-c", "-f", "-l", "-p", "8080", "s/a/b/", "{print $1}", "+%s", "%s\\n", "$@", "$?", "$!", "#", "\\",
]  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(WORDS), max_size=14))
def test_any_words(words: list[str]) -> None:
    result = run(" ".join(words))

    assert isinstance(result, Result)
    assert 0 <= result.code <= 255


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab $(){}[]<>|&;'\"\\`*?!#=:-+/%~.0\n\t", max_size=40))
def test_any_text(text: str) -> None:
    result = run(text)

    assert isinstance(result, Result)
    assert 0 <= result.code <= 255
