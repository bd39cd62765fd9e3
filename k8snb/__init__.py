"""k8snb: a Kubernetes cluster that a class can see inside."""
