"""IPython magics: ``%%apply`` applies the cell's manifest, ``%kubectl`` is kubectl without leaving the notebook.

Both act on the cluster in the notebook's variable ``cluster``, or on the one named first: ``%%apply other``,
``%kubectl --cluster other get pods``.
"""

from __future__ import annotations

from typing import Any

from IPython.core.magic import Magics, cell_magic, line_cell_magic, magics_class

from k8snb.api.decode import DecodeError
from k8snb.api.errors import APIError
from k8snb.api.mistakes import Mistake
from k8snb.cluster import Cluster
from k8snb.kubectl import run
from k8snb.locale import text
from k8snb.verbs import ApplyError


@magics_class
class ClusterMagics(Magics):
    """The magics of ``%load_ext k8snb``."""

    def _cluster(self, name: str) -> Cluster | None:
        assert self.shell is not None, "magics are registered with a shell"
        found = self.shell.user_ns.get(name)
        if isinstance(found, Cluster):
            return found
        others = [
            key for key, value in self.shell.user_ns.items() if isinstance(value, Cluster) and not key.startswith("_")
        ]
        print(text("magic.no-cluster", name=name, others=", ".join(others) or "-"))
        return None

    @cell_magic
    def apply(self, line: str, cell: str) -> None:
        """Apply the manifest in the cell: ``%%apply [CLUSTER] [-n NAMESPACE]``."""
        words = line.split()
        namespace = "default"
        if "-n" in words:
            at = words.index("-n")
            namespace = words[at + 1] if at + 1 < len(words) else "default"
            del words[at : at + 2]
        cluster = self._cluster(words[0] if words else "cluster")
        if cluster is None:
            return
        try:
            print(repr(cluster.apply(cell, namespace=namespace)))
        except (DecodeError, ApplyError, APIError) as error:
            print(error)

    @line_cell_magic
    def kubectl(self, line: str, cell: str | None = None) -> None:
        """Run a kubectl command on the notebook's cluster; a cell's text is its standard input (``-f -``)."""
        name = "cluster"
        stripped = line.strip()
        if stripped.startswith("--cluster "):
            _, name, *rest = stripped.split(maxsplit=2)
            stripped = rest[0] if rest else ""
        cluster = self._cluster(name)
        if cluster is None:
            return
        result = run(cluster, stripped, stdin=cell or "")
        if result.stdout:
            print(result.stdout, end="")
        if result.stderr:
            print(result.stderr, end="")

    @cell_magic
    def answer(self, line: str, cell: str) -> Any:
        """Answer a question of the exercise in this folder: ``%%answer QUESTION``, then a manifest or kubectl commands."""
        from k8snb.grading.practice import practice

        try:
            return practice().answer(line.strip(), cell)
        except Mistake as error:
            print(error)
            return None


def load(shell: Any) -> None:
    """Register the magics with an IPython shell."""
    shell.register_magics(ClusterMagics)
