"""The API server: one pipeline for every caller.

authenticate → authorise → decode → mutating admission → default and validate → validating admission → store.
"""
