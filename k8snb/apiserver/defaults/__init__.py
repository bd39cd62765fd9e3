"""Defaults of API objects as Kubernetes v1.36 sets them; pure functions from a value to a value, no state."""
