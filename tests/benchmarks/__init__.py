"""Benchmarks: `python -m tests.benchmarks` prints a table of figures, each with its aim and the memory it took."""
