"""Reports to read: one page per student with the cause of what went wrong, one page for the class. HTML without anything
from elsewhere; signs and words carry what colour also says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

from k8snb.grading.grade import Graded, misconceptions_of
from k8snb.grading.model import Exercise
from k8snb.grading.replay import Held, Outcome
from k8snb.locale import canonical, current, text

STYLE = """
body{font:16px/1.5 system-ui,"Noto Sans CJK SC","Microsoft YaHei",sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#17262f}
h1{font-size:1.6rem}h2{font-size:1.25rem;margin-top:2rem;border-top:1px solid #b8c4cc;padding-top:1rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #d5dde2;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.yes{color:#006b52}.no{color:#a33600}.told{border-left:4px solid #00527f;padding:.3rem .8rem;background:#eef4f8;margin:.6rem 0}
pre{white-space:pre-wrap;background:#f4f8fa;border:1px solid #d5dde2;border-radius:6px;padding:.6rem;margin:.4rem 0}
.bar{display:inline-block;height:.8rem;background:#00527f;vertical-align:middle;margin-right:.5rem}
@media print{body{margin:0;max-width:none}}
"""


def write_reports(results: Sequence[Graded], exercises: Mapping[str, Exercise], folder: Path) -> list[Path]:
    """Write a page per student and ``index.html`` for the class into a folder; the files written, the overview first."""
    folder.mkdir(parents=True, exist_ok=True)
    language = canonical(current())
    by_student: dict[str, list[Graded]] = {}
    for one in results:
        by_student.setdefault(one.student, []).append(one)
    names = _file_names(by_student)
    written = [folder / "index.html"]
    written[0].write_text(class_page(results, exercises, names, language), encoding="utf-8")
    for student, graded in by_student.items():
        written.append(folder / names[student])
        written[-1].write_text(student_page(student, graded, exercises, language), encoding="utf-8")
    return written


def student_page(student: str, graded: Iterable[Graded], exercises: Mapping[str, Exercise], language: str) -> str:
    """What one student sees: points, every check, what was found, its cause, the misconception it shows."""
    parts = []
    for one in graded:
        exercise = exercises.get(one.exercise)
        title = exercise.title.text(language) if exercise else one.exercise
        parts.append(f"<h2>{escape(title)} · {one.points:g} / {one.of:g}</h2>")
        if one.problem:
            parts.append(f'<p class="no">✗ {escape(one.problem)}</p>')
        for outcome in one.outcomes:
            name = exercise.question(outcome.question).title.text(language) if exercise else ""
            parts.append(f"<h3>{escape(outcome.question)} {escape(name)} · {outcome.points:g} / {outcome.of:g}</h3>")
            parts.append(_outcome(outcome, language))
    return _page(text("report.student", language, student=student), "".join(parts), language)


def class_page(
    results: Sequence[Graded], exercises: Mapping[str, Exercise], names: Mapping[str, str], language: str
) -> str:
    """The class at a glance: everyone's points, and which misconception showed how often."""
    rows = "".join(
        f'<tr><td><a href="{escape(names[one.student])}">{escape(one.student)}</a></td><td>{escape(one.exercise)}</td>'
        f'<td class="n">{one.points:g}</td><td class="n">{one.of:g}</td>'
        f"<td>{escape(' '.join(one.misconceptions) or one.problem)}</td></tr>"
        for one in results
    )
    heads = "".join(
        f"<th{kind}>{escape(text(f'report.{key}', language))}</th>"
        for key, kind in (("who", ""), ("exercise", ""), ("points", " class=n"), ("of", " class=n"), ("showed", ""))
    )
    counted = misconceptions_of(results).most_common()
    most = max((number for _, number in counted), default=1)
    told = "".join(
        f'<tr><td><span class="bar" style="width:{max(4, round(160 * number / most))}px"></span>{number}</td>'
        f"<td>{escape(exercise)} {escape(name)}</td><td>{escape(_said(exercises, exercise, name, language))}</td></tr>"
        for (exercise, name), number in counted
    )
    body = f"<table><tr>{heads}</tr>{rows}</table>"
    body += f"<h2>{escape(text('report.misconceptions', language))}</h2>"
    body += f"<table>{told}</table>" if told else f"<p>{escape(text('report.none', language))}</p>"
    return _page(text("report.class", language, count=len({one.student for one in results})), body, language)


def _outcome(outcome: Outcome, language: str) -> str:
    key = "zh" if language == "zh_CN" else "en"
    if not outcome.answered:
        return f'<p class="no">✗ {escape(text("report.unanswered", language))}</p>'
    parts = [f'<p class="told">→ {escape(told[key])}</p>' for told in outcome.misconceptions.values()]
    if outcome.problem:
        parts.append(f'<p class="no">✗ {escape(outcome.problem)}</p>')
    rows = "".join(_check(check, key, language) for check in outcome.checks)
    return "".join(parts) + f"<table>{rows}</table>"


def _check(check: Held, key: str, language: str) -> str:
    mark = '<span class="yes">✓</span>' if check.holds else '<span class="no">✗</span>'
    below = "".join(f"<div>{escape(seen)}</div>" for seen in check.seen.get(key, ()))
    why = check.why.get(key)
    if why:
        below += (
            f"<details open><summary>{escape(text('report.why', language))}</summary><pre>{escape(why)}</pre></details>"
        )
    points = f"{check.points:g} / {check.of:g}" if not check.gate else escape(text("report.gate", language))
    return f'<tr><td>{mark}</td><td>{escape(check.says[key])}{below}</td><td class="n">{points}</td></tr>'


def _said(exercises: Mapping[str, Exercise], exercise: str, name: str, language: str) -> str:
    question, _, short = name.partition("/")
    known = exercises.get(exercise)
    found = known.question(question).misconceptions if known else ()
    return next((one.says.text(language) for one in found if one.id == short), "")


def _file_names(students: Iterable[str]) -> dict[str, str]:
    """A file name for each student that no name can lead out of the folder, and that no two share."""
    names: dict[str, str] = {}
    for student in students:
        base = re.sub(r"[^\w.-]+", "_", student).strip("._") or "student"
        name, number = f"{base}.html", 1
        while name.lower() in {"index.html", *(n.lower() for n in names.values())}:
            number += 1
            name = f"{base}-{number}.html"
        names[student] = name
    return names


def _page(title: str, body: str, language: str) -> str:
    code = "zh-CN" if language == "zh_CN" else "en"
    return (
        f'<!doctype html><html lang="{code}"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>\n"
    )
