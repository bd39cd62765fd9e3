"""Replays of recorded answers of a real Kubernetes: `python -m tests.parity {workloads,api,scheduling} [DIR] [NAME…]`."""
