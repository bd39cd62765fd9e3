"""The playground as text: the selector with its conditions or its mistake, every Pod with its labels, and who looks for them."""

from __future__ import annotations

from k8snb.locale import text
from k8snb.views.playground import PlaygroundView, label_text
from k8snb.views.selector import selector_lines
from k8snb.views.state import LOOKS


def playground_text(view: PlaygroundView, language: str | None = None) -> str:
    """The text twin of the picture."""

    def t(message: str, /, **values: object) -> str:
        return text(f"play.{message}", language, **values)

    lines = [t("title", namespace=view.namespace)]
    typed = selector_lines(view.selector, language)
    if view.selector.error:
        lines += [f"{t('asked')}:", *("  " + line for line in typed)]
    else:
        lines.append(f"{t('asked')}: {view.selector.written or '-'}  → {view.found_text(language)}")
        lines += ["  " + line for line in typed]
    for pod in view.pods:
        mark = "?" if pod.match is None else "✔" if pod.match else "·"
        owner = t("owner", owner=pod.owner) if pod.owner else t("nobody")
        lines.append(f"{mark} {LOOKS[pod.state].sign} Pod/{pod.name} {pod.word}, {owner}")
        lines.append("      " + ("  ".join(map(label_text, pod.labels)) or t("no-labels")))
        lines += [f"      {TIES[tie.id]} {tie.text(language)}" for tie in pod.ties]
    if not view.pods:
        lines.append(t("no-pods"))
    lines.append(t("seekers") if view.seekers else t("no-seekers"))
    for seeker in view.seekers:
        sign = "●" if seeker.content else "▲"
        lines.append(f"  {sign} {seeker.kind}/{seeker.name}  {seeker.asks(language)}  {seeker.text(language)}")
        if seeker.calls:
            lines.append(f"      ▶ {seeker.next_text(language)}")
    return "\n".join(lines)


TIES = {
    "owns": "■", "releases": "◇", "adopts": "◆", "foreign": "–", "routes": "→", "unready": "◌", "joins": "⇢", "drops": "⇥",
    "waits": "◌", "guards": "◎", "governs": "◎",
}  # fmt: skip
"""The sign of each tie, in the picture and in the text."""
