"""The Deployment controller, split by idea: arithmetic, revisions, status, one rollout, and the controller itself."""

from k8snb.controllers.deployment.controller import DeploymentController

__all__ = ["DeploymentController"]
