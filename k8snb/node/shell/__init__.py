"""A small shell for the ``sh -c`` lines of teaching manifests: it runs in simulated time and can be copied at any moment.

``parser`` reads a script, ``compiler`` flattens it, ``machine`` runs it, ``commands`` are the programs that it knows. What a
real image has besides those is not there: such a command is "not found" (127).
"""

from k8snb.node.shell.commands import COMMANDS
from k8snb.node.shell.machine import Machine

__all__ = ["COMMANDS", "Machine"]
