# The two commands of a fresh machine: `make lab` opens the course, `make test` passes the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LANGUAGE ?=

.PHONY: lab install test parity conformance bench kills browser exercises screenshots clean

$(BIN)/k8snb: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e .
	@touch $(BIN)/k8snb

$(VENV)/.test: pyproject.toml $(BIN)/k8snb
	$(BIN)/python -m pip install --quiet -e '.[test]'
	@touch $(VENV)/.test

install: $(BIN)/k8snb

lab: $(BIN)/k8snb  ## open the course (LANGUAGE=zh or en; default: the system's)
	$(BIN)/k8snb lab $(if $(LANGUAGE),--lang $(LANGUAGE))

test: $(VENV)/.test  ## run every check and test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 -q

parity: $(VENV)/.test  ## replay the recordings of a real control plane
	$(BIN)/python -m tests.parity api
	$(BIN)/python -m tests.parity workloads
	$(BIN)/python -m tests.parity scheduling

conformance: $(VENV)/.test  ## try every operation of our OpenAPI documents with schemathesis (about an hour; NAME=api/v1 for one)
	$(BIN)/python -m tests.rest.conformance $(NAME)

bench: $(VENV)/.test  ## measure speed and memory, printed as a table
	$(BIN)/python -m tests.benchmarks

kills: $(VENV)/.test  ## kill 200 durable clusters at random moments and look at what is left
	$(BIN)/python -m tests.killed_cluster 200 7

exercises: $(VENV)/.test  ## make the exercises' notebooks anew from their definitions
	$(BIN)/python -m k8snb.grading.notebooks

screenshots: $(VENV)/.test  ## make the README's pictures anew
	$(BIN)/python -m tests.browser.screenshots .github/images

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
