"""The StatefulSet controller, split by idea: a pod's identity, its claims, the revisions, and the controller itself."""

from k8snb.controllers.statefulset.controller import StatefulSetController

__all__ = ["StatefulSetController"]
