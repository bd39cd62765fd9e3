"""The DaemonSet controller, split by idea: which pod belongs on which node, rolling updates, and the controller itself."""

from k8snb.controllers.daemonset.controller import DaemonSetController

__all__ = ["DaemonSetController"]
