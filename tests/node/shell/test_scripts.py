"""Scripts: what they print and exit with. Every expected output is dash's own (checked by running it)."""

from __future__ import annotations

from functools import lru_cache

import pytest

from k8snb.node.exec import Result
from tests.node.builders import NodeRig, container, spec

CASES: list[tuple[str, str, int]] = [
    ("echo hello world", "hello world\n", 0),
    ("echo -n a; echo b", "ab\n", 0),
    ("for i in 1 2 3; do echo $i; done", "1\n2\n3\n", 0),
    ("i=0; while [ $i -lt 3 ]; do echo $i; i=$((i+1)); done", "0\n1\n2\n", 0),
    ('x=5; if [ "$x" -gt 3 ]; then echo big; else echo small; fi', "big\n", 0),
    ("false || echo no; true && echo yes", "no\nyes\n", 0),
    ("echo $(echo nested $(echo deep))", "nested deep\n", 0),
    ('f() { echo "f $1 $#"; return 3; }; f a b; echo $?', "f a 2\n3\n", 0),
    ("case abc in a*) echo A;; *) echo other;; esac", "A\n", 0),
    ("case x in a|b) echo ab;; x|y) echo xy;; esac", "xy\n", 0),
    ("echo a b c | wc -w", "3\n", 0),
    ('printf "%s-%d\\n" x 5', "x-5\n", 0),
    ("echo \"a  b\" 'c  $x' $UNSET end", "a  b c  $x end\n", 0),
    ('x="a b"; for w in $x; do echo "<$w>"; done; for w in "$x"; do echo "<$w>"; done', "<a>\n<b>\n<a b>\n", 0),
    ("Y=abc.tar.gz; echo ${X:-default} ${Y%.gz} ${Y%%.*} ${Y#*.} ${Y##*.}", "default abc.tar abc tar.gz gz\n", 0),
    ("cd /tmp; pwd; echo hi > f; cat f; cat < f; rm f; [ -e f ] || echo gone", "/tmp\nhi\nhi\ngone\n", 0),
    ('(exit 3); echo $?; (x=1; echo $x); echo "[$x]"', "3\n1\n[]\n", 0),
    ('seq 1 3 | while read n; do echo "n=$n"; done', "n=1\nn=2\nn=3\n", 0),
    ("cat <<EOF\nline $((1+2))\n  two\nEOF\necho after", "line 3\n  two\nafter\n", 0),
    ("cat <<'EOF'\n$x\nEOF", "$x\n", 0),
    ("echo a; exit 7; echo b", "a\n", 7),
    ("set -e; false; echo unreachable", "", 1),
    ("set -e; if false; then echo x; fi; false || true; echo reached; false; echo no", "reached\n", 1),
    ("for i in 1 2 3 4; do [ $i = 2 ] && continue; [ $i = 4 ] && break; echo $i; done", "1\n3\n", 0),
    ('until [ "$n" = xxx ]; do n=x$n; done; echo $n', "xxx\n", 0),
    ("echo one two three | tr a-z A-Z", "ONE TWO THREE\n", 0),
    ("echo hello | sed s/l/L/g", "heLLo\n", 0),
    ('printf "b\\na\\nc\\n" | sort | head -2', "a\nb\n", 0),
    ("echo err >&2; echo out", "out\n", 0),
    ("ls /nonexistent 2>/dev/null || echo failed", "failed\n", 0),
    ("! true; echo $?", "1\n", 0),
    ("x=$(false); echo $?", "1\n", 0),
    ("A=1 sh -c 'echo inner'", "inner\n", 0),
    ("echo $((2*3+4)) $((10/3)) $((10%3)) $((1<2)) $((x=5)) $x", "10 3 1 1 5 5\n", 0),
    ("while true; do echo once; break; done", "once\n", 0),
    ('test -n ""; echo $?; test "a" = a -a b = b; echo $?', "1\n0\n", 0),
    ('trap "echo bye" EXIT; echo hi', "hi\nbye\n", 0),
    ('trap "echo bye" EXIT; exit 4', "bye\n", 4),
    ("set -- a b c; echo $# $2; shift; echo $1", "3 b\nb\n", 0),
    ('read a b <<EOF\none two three\nEOF\necho "$a|$b"', "one|two three\n", 0),
    ("echo abc | grep -q b && echo found", "found\n", 0),
    ("v=1; { v=2; echo in; }; echo $v", "in\n2\n", 0),
    ('echo a | { read x; echo "got $x"; }', "got a\n", 0),
    ("nonexistentcmd 2>/dev/null; echo $?", "127\n", 0),
    ('x=abc; echo "${x}def" "$x"def \'$x\'', "abcdef abcdef $x\n", 0),
    ("echo a;echo b # comment\necho c", "a\nb\nc\n", 0),
    ('echo \\$x "\\$x" "a\\"b"', '$x $x a"b\n', 0),
    ("x=`echo back`; echo $x", "back\n", 0),
    ("IFS=,; x=1,2,3; for i in $x; do echo $i; done", "1\n2\n3\n", 0),
    ("yes | head -3", "y\ny\ny\n", 0),
    ("exec echo replaced; echo no", "replaced\n", 0),
    ("sleep 0.1 & wait; echo done", "done\n", 0),
    ('printf "%03d|%5s|%-5s|\\n" 7 ab cd', "007|   ab|cd   |\n", 0),
    ("for i in 1 2; do for j in a b; do [ $j = b ] && continue 2; echo $i$j; done; done", "1a\n2a\n", 0),
    ("x=1; f() { x=2; }; f; echo $x", "2\n", 0),
    ("echo ${x:=set} $x; unset x; echo ${x+yes}", "set set\n\n", 0),
    (": ${REQUIRED:?is missing}; echo no", "", 2),
    ("a=1; b=2; [ $a -eq 1 ] && [ $b -eq 2 ] && echo both", "both\n", 0),
    ("if [ ! -f /none ]; then echo none; fi", "none\n", 0),
    ("echo x > /tmp/t; echo y >> /tmp/t; cat /tmp/t; wc -l < /tmp/t", "x\ny\n2\n", 0),
    ("{ echo a; echo b; } > /tmp/u; cat /tmp/u | tail -1", "b\n", 0),
    ("i=3; while [ $i -gt 0 ]; do i=$(expr $i - 1); echo $i; done", "2\n1\n0\n", 0),
    ("seq 3 | awk '{print $1}' | tr '\\n' ' '", "1 2 3 ", 0),
    ("echo a:b:c | cut -d: -f2", "b\n", 0),
    ("echo 'key: value' | awk '{print $2}'", "value\n", 0),
    ("x=5; until [ $x -le 3 ]; do x=$((x-1)); done; echo $x", "3\n", 0),
    ("kill -0 1 && echo alive", "alive\n", 0),
    ("f() { local a=1; echo $a; }; a=9; f; echo $a", "1\n9\n", 0),
]


@lru_cache(maxsize=1)
def _rig() -> NodeRig:
    rig = NodeRig(images=("busybox:1.36",))
    rig.pod("p", spec(container("busybox:1.36", command=("sleep", "infinity"))))
    rig.run(3)
    return rig


def run(text: str, *arguments: str) -> Result:
    """Run a script in a container of busybox."""
    rig = _rig()
    return rig.pool.exec(rig.get("p"), "c", ("sh", "-c", text, "sh", *arguments), rig.clock.now)


@pytest.mark.parametrize(("text", "output", "code"), CASES)
def test_script(text: str, output: str, code: int) -> None:
    result = run(text)

    assert (output, code) == (result.stdout, result.code)


def test_arguments() -> None:
    assert run('echo "$#:$1:$2"; for a; do echo $a; done', "x y", "z").stdout == "2:x y:z\nx y\nz\n"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("sleep 3; sleep 2", 5.0),
        ("sleep 0.5; sleep 1m", 60.5),
        ("for i in 1 2 3; do sleep 1; done", 3.0),
        ("sleep 5 & sleep 2; wait", 5.0),
        ("timeout 3 sleep 10", 3.0),
        ("x=$(sleep 2; echo a); echo $x", 2.0),
        ("sleep 4 | cat", 4.0),
        ("(sleep 1; sleep 1); sleep 1", 3.0),
    ],
)
def test_time_that_scripts_take(text: str, seconds: float) -> None:
    assert run(text).seconds == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("if then", 'sh: line 1: syntax error: unexpected "then"\n'),
        ("echo 'open", "sh: line 1: unterminated quoted string\n"),
        ("for i in 1; do echo", "sh: line 1: syntax error: unexpected end of file\n"),
        ("cat /none", "cat: can't open '/none': No such file or directory\n"),
        ("nosuch", "sh: nosuch: not found\n"),
        ("cd /none", "sh: cd: can't cd to /none: No such file or directory\n"),
    ],
)
def test_complaints(text: str, expected: str) -> None:
    assert run(text).stderr == expected


def test_endless_command_is_given_up() -> None:
    result = run("while true; do :; done")

    assert result.code == 143
    assert result.seconds > 3600


def test_date_is_simulated() -> None:
    assert run("date +%Y-%m-%dT%H:%M:%S").stdout == "2026-01-01T00:00:04\n"


def test_variables_and_identity() -> None:
    assert run("echo $HOSTNAME; hostname; whoami; echo $HOME").stdout == "p\np\nroot\n/root\n"
