"""What an addon is: objects that a cluster gets when it is founded, and the controllers that work for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from k8snb.api.object import Object
from k8snb.client.protocol import Controller
from k8snb.sim.clock import Clock


class Addon:
    """Something that clusters have beside Kubernetes itself, such as a storage provisioner."""

    name: str = ""

    def objects(self) -> Iterable[Object]:
        """What is created when the cluster is founded, in order."""
        return ()

    def access(self) -> Iterable[Object]:
        """Roles and bindings of its components, for clusters with RBAC."""
        return ()

    def connect(self, server: Any, past: Any, clock: Clock) -> None:
        """Become part of a cluster: its API server, its objects at any second (``past.objects(kind, time)``), its clock."""

    def controllers(self) -> Iterable[Controller]:
        """The components that run for it."""
        return ()
