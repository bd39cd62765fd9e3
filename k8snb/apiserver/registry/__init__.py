"""The generic registry: what every kind shares of create, read, update and delete.

`create`, `update`, `delete` and `read` are Kubernetes' `registry.Store`; they know no kind but ask its strategy.
"""
