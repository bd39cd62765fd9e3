"""One file per kind: its defaults, what it keeps and drops, what is wrong with it.

A new kind is one file and one line in :data:`STRATEGIES`.
"""

from __future__ import annotations

from typing import Final

from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.kinds.pod import PodStrategy

STRATEGIES: Final[tuple[type[Kind], ...]] = (PodStrategy,)
