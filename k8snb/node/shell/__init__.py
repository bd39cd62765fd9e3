"""A small shell for the ``sh -c`` lines of teaching manifests: it runs in simulated time and can be copied at any moment.

``parser`` reads a script, ``compiler`` flattens it, ``machine`` runs it, ``commands`` are the programs that it knows. What a
real image has besides those is not there: such a command is "not found" (127). Every image with a shell has all of them,
which real ones have not: Debian's images of nginx or redis, for example, come without ``ps``, ``ip``, ``wget`` and
``nslookup``, where one would attach a debug container (``kubectl debug``).
"""

from k8snb.node.shell.commands import COMMANDS
from k8snb.node.shell.machine import Machine

__all__ = ["COMMANDS", "Machine"]
