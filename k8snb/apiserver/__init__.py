"""The API server: one pipeline for every caller.

authorise → decode → mutating admission → default and validate → validating admission → store.
"""

from k8snb.apiserver.server import APIServer

__all__ = ["APIServer"]
