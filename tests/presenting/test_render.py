"""What a page makes of cells: every output without a kernel, no link that leads nowhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from k8snb import locale
from k8snb.notebook import Cluster, Picture
from k8snb.presenting.execute import ChapterFailed, executed
from k8snb.presenting.page import file_name, page, script
from k8snb.presenting.render import Renderer, highlighted
from k8snb.widgets.predict import predict
from k8snb.widgets.recording import RECORDING, record

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "nginx:1.27"}]}
"""


@pytest.fixture
def cluster() -> Cluster:
    """Three pods, and a rollout behind them."""
    found = Cluster(nodes=2)
    found.apply(MANIFEST)
    found.settle()
    found.patch("deployment", "web", {"spec": {"template": {"metadata": {"annotations": {"v": "2"}}}}})
    found.settle()
    return found


def rendered(*outputs: dict[str, Any], source: str = "x", language: str = "en") -> str:
    cell = {"cell_type": "code", "metadata": {}, "source": source, "outputs": list(outputs)}
    return Renderer(language, lambda _: None).cell(cell)


def result(**data: Any) -> dict[str, Any]:
    return {"output_type": "execute_result", "data": {k.replace("_", "/"): v for k, v in data.items()}}


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        pytest.param({"output_type": "stream", "text": "a < b\n"}, '<pre class="said">a &lt; b</pre>', id="a stream"),
        pytest.param(result(text_plain="1"), '<pre class="said">1</pre>', id="a text"),
        pytest.param(result(text_plain="1", text_html="<b>1</b>"), '<div class="rich"><b>1</b></div>', id="html"),
        pytest.param(
            result(text_plain="1", text_html="<script>x</script>"), '<pre class="said">1</pre>', id="no foreign scripts"
        ),
        pytest.param(
            result(text_plain="p", image_png="AAAA"), '<img alt="p" src="data:image/png;base64,AAAA">', id="a picture"
        ),
        pytest.param(
            {"output_type": "error", "traceback": ["\x1b[31mNameError\x1b[0m: y"], "evalue": "y"},
            '<pre class="said">NameError: y</pre>',
            id="an error without colours",
        ),
    ],
)
def test_outputs(output: dict[str, Any], expected: str) -> None:
    assert rendered(output) == '<pre class="code"><span class="n">x</span></pre>' + expected


def test_an_answer_waits_for_a_guess_wherever_it_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8SNB_RECORD", "1")
    guess = predict(("shorter", "更短"), ("longer", "更长"))
    locale.use("zh")
    told = rendered({"output_type": "stream", "text": f"5 → 7\n{guess.compare('longer')!r}\n"}, language="zh")

    assert f'data-of="{guess.number}" data-right="1" data-actual="更长"' in told
    assert "5 → 7" in told
    assert "• 答案是 更长。" in told


def test_a_chapters_links_lead_to_pages_that_there_are() -> None:
    text = "[a](01-a.ipynb) [b](02-b.ipynb) [k](https://kubernetes.io/docs/) [here](#top)"
    shown = Renderer("en", lambda name: f"{name}.html" if name == "01-a" else None).markdown(text)

    assert '<a href="01-a.html">a</a>' in shown
    assert "<em>b</em>" in shown
    assert '<a href="https://kubernetes.io/docs/" rel="noreferrer">k</a>' in shown
    assert '<a href="#top">here</a>' in shown


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        ("%%apply\nkind: Pod", ['<span class="c1">%%apply</span>', '<span class="nt">kind</span>']),
        ("x = 1\n%kubectl get pods", ['<span class="mi">1</span>', '<span class="nb">%kubectl get pods</span>']),
    ],
)
def test_code_is_marked_by_its_language(code: str, parts: list[str]) -> None:
    assert [part for part in parts if part not in highlighted(code)] == []


@pytest.mark.parametrize(
    ("what", "way", "at_least"),
    [
        ("map", "seek", 10),
        ("sequence", "list", 10),
        ("rollout", "knobs", 8),
        ("stepper", "list", 1),
        ("ownership", "still", 1),
        ("packet", "knobs", 3),
        ("matrix", "still", 1),
    ],
)
def test_every_picture_is_recorded_and_left_as_it_was(cluster: Cluster, what: str, way: str, at_least: int) -> None:
    pod = cluster.pods[0].metadata.name
    drawing: dict[str, Callable[[], Picture]] = {
        "map": cluster.map,
        "sequence": lambda: cluster.sequence(pod),
        "rollout": lambda: cluster.rollout("deploy/web"),
        "stepper": lambda: cluster.stepper("deploy/web"),
        "ownership": cluster.ownership,
        "packet": lambda: cluster.packet(f"pod/{pod}", "http://10.96.0.1/"),
        "matrix": lambda: cluster.matrix(80),
    }
    drawn = drawing[what]()
    before, revision = drawn.stage.draw(), cluster.revision
    told = record(drawn.stage)

    assert (told["way"], len(told["frames"]) >= at_least) == (way, True)
    assert drawn.stage.draw() == before
    assert cluster.revision == revision
    shown = "".join(told["parts"][n] for n in told["frames"][told["at"]]["svg"])
    assert shown == before["svg"]
    assert all("".join(told["parts"][n] for n in f["svg"]).endswith("</svg>") for f in told["frames"])


def test_a_picture_says_what_it_is_when_no_script_runs(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8SNB_RECORD", "1")
    bundle = cluster.map()._repr_mimebundle_()
    shown = rendered({"output_type": "execute_result", "data": bundle})

    assert RECORDING in bundle
    assert '<figure class="picture-of" data-recording="0"><div class="k8snb-still"><svg' in shown
    assert '<details class="twin"><summary>The same as text</summary><pre>' in shown


def test_nothing_is_recorded_while_nobody_exports(cluster: Cluster) -> None:
    assert RECORDING not in cluster.map()._repr_mimebundle_()


def test_the_script_is_one_module_without_imports_or_exports() -> None:
    lines = script().splitlines()

    assert [line for line in lines if line.startswith(("import ", "export "))] == []
    assert [line for line in lines if "http://" in line or "https://" in line] == []


def test_a_page_names_its_language_and_its_title() -> None:
    cells: list[dict[str, Any]] = [
        {"cell_type": "markdown", "metadata": {"slideshow": {"slide_type": "slide"}}, "source": "# 标题 <x>"}
    ]
    shown = page({"cells": cells}, "01-a", "html", "zh")

    assert '<html lang="zh-CN">' in shown
    assert "<title>标题 &lt;x&gt;</title>" in shown
    assert (file_name("01-a", "slides"), file_name("01-a", "html")) == ("01-a.slides.html", "01-a.html")


def notebook(path: Path, *sources: str) -> Path:
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "outputs": [], "execution_count": None, "source": s}
        for i, s in enumerate(sources)
    ]
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), encoding="utf-8")
    return path


def test_a_chapter_that_fails_is_told_with_its_cell(tmp_path: Path) -> None:
    with pytest.raises(ChapterFailed, match=r"a\.ipynb: code cell 2 .*NameError: name 'nothing' is not defined"):
        executed(notebook(tmp_path / "a.ipynb", "x = 1", "nothing"), "en")


@pytest.mark.parametrize("text", ["", "{}", "no json", '{"cells": 3}'])
def test_what_is_no_notebook_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.ipynb").write_text(text, encoding="utf-8")

    with pytest.raises(ValueError, match=r"a\.ipynb is no notebook"):
        executed(tmp_path / "a.ipynb", "en")
