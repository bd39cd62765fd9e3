"""The playground as a stage: typing, picking up, giving and taking labels, and who reacts."""

from __future__ import annotations

import pytest

from k8snb.cluster import Cluster
from k8snb.widgets import Playground
from tests.views.test_playground import SHOP
from tests.widgets.conftest import cell_has_run, send


@pytest.fixture
def stage() -> Playground:
    cluster = Cluster(nodes=2)
    cluster.apply(SHOP)
    cluster.settle()
    return Playground(cluster, "app=web", language="en")


def labels(stage: Playground, pod: str) -> dict[str, str]:
    return dict(stage.cluster.get("pod", pod).metadata.labels)


def member(stage: Playground) -> str:
    """A Pod of the Deployment."""
    return str(stage.cluster.pods.select("app=web")[0].metadata.name)


def test_typing_lights_up_the_set(stage: Playground) -> None:
    assert stage.frame["svg"].count('data-state="match"') == 2
    send(stage, type="filter", value="app!=web")
    other = stage.frame
    send(stage, type="filter", value="app in web")

    assert (other["svg"].count('data-state="match"'), other["invalid"]) == (1, False)
    assert (stage.frame["svg"].count('data-state="match"'), stage.frame["invalid"]) == (0, True)
    assert (
        "found &#x27;web&#x27; expected: &#x27;(&#x27;" in stage.frame["svg"]
        or "found 'web' expected" in stage.frame["svg"]
    )


def test_a_dropped_label_changes_the_pod_and_its_owners_react_on_their_turn(stage: Playground) -> None:
    pod = member(stage)
    send(stage, type="drop", what="Label///app=stray", onto=f"Pod/default/{pod}")
    dropped = stage.frame
    pods = len(stage.cluster.pods)
    send(stage, type="settle")

    assert labels(stage, pod)["app"] == "stray"
    assert dropped["log"] == f"$ kubectl label pod {pod} app=stray --overwrite"
    assert "will let go of it" in dropped["svg"]
    assert len(stage.cluster.pods) == pods + 1
    assert stage.cluster.get("pod", pod).metadata.ownerReferences == ()
    assert stage.frame["svg"].count('data-state="match"') == 2


def test_keys_give_a_label(stage: Playground) -> None:
    send(stage, type="select", ref="Label///app=web")
    held = stage.frame
    send(stage, type="select", ref="Pod/default/stray")

    assert held["holding"].startswith("You hold app=web.")
    assert 'data-ref="Label///app=web" aria-pressed="true"' in held["svg"]
    assert labels(stage, "stray") == {"app": "web"}
    assert (stage.frame["holding"], stage.held) == ("", "")


def test_a_label_is_let_go(stage: Playground) -> None:
    send(stage, type="select", ref="Label///app=web")
    send(stage, type="select", ref="")
    send(stage, type="select", ref="Pod/default/stray")

    assert labels(stage, "stray") == {"app": "stray"}
    assert stage.detail["title"] == "Pod default/stray"


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([{"type": "remove", "ref": "Label/default/stray/app=stray"}], id="delete-key"),
        pytest.param([{"type": "drop", "what": "Label/default/stray/app=stray", "onto": "bin"}], id="dragged-away"),
        pytest.param(
            [{"type": "select", "ref": "Label/default/stray/app=stray"}, {"type": "select", "ref": "bin"}], id="enter"
        ),
    ],
)
def test_a_label_is_taken_away(stage: Playground, messages: list[dict[str, str]]) -> None:
    for message in messages:
        send(stage, **message)

    assert labels(stage, "stray") == {}
    assert stage.frame["log"] == "$ kubectl label pod stray app-"


def test_a_label_of_one_pod_is_given_to_another(stage: Playground) -> None:
    send(stage, type="drop", what="Label/default/stray/app=stray", onto=f"Pod/default/{member(stage)}")

    assert len(stage.cluster.pods.select("app=stray")) == 2


def test_what_the_api_server_refuses_is_told(stage: Playground) -> None:
    send(stage, type="label", value="tier=-front")
    send(stage, type="drop", what="Label///tier=-front", onto="Pod/default/stray")

    assert labels(stage, "stray") == {"app": "stray"}
    assert stage.frame["log"].startswith(
        '$ kubectl label pod stray tier=-front\nError: Pod "stray" is invalid: metadata.labels'
    )


def test_labels_that_the_reader_makes(stage: Playground) -> None:
    send(stage, type="label", value=" track = canary ")
    made = stage.frame["svg"].count('data-ref="Label///track=canary"')
    send(stage, type="remove", ref="Label///track=canary")
    send(stage, type="label", value="=x")

    assert made == 1
    assert "track=canary" not in stage.frame["svg"]
    assert stage.frame["log"] == "A label is written key=value; '=x' has no key."


def test_nothing_happens_twice_or_to_nobody(stage: Playground) -> None:
    revision = stage.cluster.revision
    for what, onto, said in (
        ("Label///app=stray", "Pod/default/stray", "stray has app=stray already."),
        ("Label///app=web", "Pod/default/gone", "There is no Pod gone any more."),
        ("Label/default/stray", "Pod/default/stray", "There is no Pod gone any more."),
    ):
        send(stage, type="drop", what=what, onto=onto)
        assert stage.frame["log"] == said

    assert stage.cluster.revision == revision


def test_whoever_looks_for_pods_lends_its_selector(stage: Playground) -> None:
    send(stage, type="filter", value="")
    send(stage, type="select", ref="Service/default/web")

    assert (stage.selector, stage.frame["filter"]) == ("app=web", "app=web")
    assert stage.detail["title"] == "Service default/web"


def test_an_older_playground_keeps_what_was_about_to_happen(stage: Playground) -> None:
    stage.cluster.patch("pod", member(stage), {"metadata": {"labels": {"app": "stray"}}})
    cell_has_run()
    newer = Playground(stage.cluster, "app=stray", language="en")
    stage.cluster.settle()
    cell_has_run()

    assert stage.kept
    assert "will let go of it" in stage.frame["svg"]
    assert "about to: let go of Pod" in "".join(stage.frame["svg"].split("\n"))
    assert "about to" not in newer.frame["svg"]
    assert newer.frame["svg"].count('data-state="match"') == 2


def test_without_a_kernel_nothing_can_be_moved(stage: Playground) -> None:
    told = stage.told_without_kernel()

    assert "data-drag" in stage.frame["svg"]
    assert "data-drag" not in told.frames[0]["svg"]
    assert "data-drop" not in told.frames[0]["svg"]
    assert told.frames[0]["svg"].count('data-state="match"') == 2


def test_it_speaks_both_languages(stage: Playground) -> None:
    send(stage, type="language")

    assert stage.strings["filter"] == "选择器，例如 app=web"
    assert "谁在按标签找 Pod" in stage.frame["svg"]


def test_a_cell_shows_it_with_its_text() -> None:
    from k8snb import Cluster as Shown

    cluster = Shown(nodes=2)
    cluster.apply(SHOP)
    cluster.settle()
    picture = cluster.playground("app=web")
    bundle = picture._repr_mimebundle_()

    assert len(picture.view.matching) == 2
    assert 'data-ref="bin"' in picture.stage.frame["svg"]
    assert 'data-ref="bin"' not in bundle["text/html"]
    assert "app=web" in bundle["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in bundle
