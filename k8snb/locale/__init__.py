"""The two languages of everything a reader sees: one catalogue of messages each, the same ids in both.

``text("map.step")`` is a message in the current language, ``text("fact.created", who=…)`` one with values filled in. The
language is the reader's choice (``use("zh")``), else the environment variable ``K8SNB_LANG``, else the system's locale.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from k8snb.api.mistakes import BadValue
from k8snb.locale import (
    architecture_en,
    architecture_zh,
    behind_en,
    behind_zh,
    control_en,
    control_zh,
    en,
    labels_en,
    labels_zh,
    network_en,
    network_zh,
    pod_en,
    pod_zh,
    presenting_en,
    presenting_zh,
    scheduling_en,
    scheduling_zh,
    zh_CN,
)

CATALOGUES = (
    (en, zh_CN),
    (architecture_en, architecture_zh),
    (behind_en, behind_zh),
    (control_en, control_zh),
    (labels_en, labels_zh),
    (network_en, network_zh),
    (presenting_en, presenting_zh),
    (pod_en, pod_zh),
    (scheduling_en, scheduling_zh),
)
"""English and Chinese, file by file."""
LANGUAGES: Mapping[str, Mapping[str, str]] = {
    "en": {key: value for english, _ in CATALOGUES for key, value in english.MESSAGES.items()},
    "zh_CN": {key: value for _, chinese in CATALOGUES for key, value in chinese.MESSAGES.items()},
}
ALIASES = {
    "zh": "zh_CN",
    "zh-cn": "zh_CN",
    "zh_cn": "zh_CN",
    "cn": "zh_CN",
    "en": "en",
    "en-us": "en",
    "en_us": "en",
    "en-gb": "en",
}

_chosen: list[str] = []


def canonical(language: str) -> str:
    """``zh_CN`` or ``en`` for any usual name of these languages; ``ValueError`` for another one."""
    name = ALIASES.get(language.partition(".")[0].lower())
    if name is None:
        raise BadValue(f"there is no catalogue for the language {language!r}: use 'zh' or 'en'")
    return name


def use(language: str) -> None:
    """Show everything in this language from now on (``zh`` or ``en``)."""
    _chosen[:] = [canonical(language)]


def current() -> str:
    """The language in use: ``zh_CN`` or ``en``."""
    if _chosen:
        return _chosen[0]
    for variable in ("K8SNB_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable, "")
        if value:
            return "zh_CN" if value.lower().startswith("zh") else "en"
    return "en"


def text(message: str, language: str | None = None, /, **values: object) -> str:
    """A message of the catalogue with its values filled in; ``KeyError`` names an id that does not exist."""
    catalogue = LANGUAGES[canonical(language) if language else current()]
    template = catalogue[message]
    return template.format_map(values) if values else template


def messages(prefix: str, language: str | None = None) -> dict[str, str]:
    """All messages whose id starts with the prefix, by the rest of the id: what a front end needs at once."""
    catalogue = LANGUAGES[canonical(language) if language else current()]
    return {key.removeprefix(prefix): value for key, value in catalogue.items() if key.startswith(prefix)}
