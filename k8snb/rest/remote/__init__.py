"""A real cluster (or a served one) through the same collections, views and explanations: ``k8snb.connect(kubeconfig)``."""

from k8snb.rest.remote.world import Remote

__all__ = ["Remote"]
