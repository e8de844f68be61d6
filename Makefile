# `make demo` and `make test` need Python 3.11 or later and nothing else: each sets up what it uses in .venv.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-oldest test-faults test-sdist ci lint measure format bench docs changes clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.runtime ## simulate a frame and mask it: see demo/
	@mkdir -p demo
	$(BIN)/skysieve simulate frame -o demo/frame.fits --seed 1 --overwrite
	$(BIN)/skysieve mask demo/frame.fits --preview --overwrite -o 'demo/{stem}.mask.fits'

test: $(VENV)/.runtime ## the fast tests
	$(BIN)/python -m pytest -q -n auto --dist loadfile

# Each of these has an environment of its own, in a temporary folder.

test-slow: ## the slow tests, with all extras
	$(PYTHON) .ci/step.py slow

test-oldest: ## the fast tests, with all extras, on the oldest releases that are supported
	$(PYTHON) .ci/step.py oldest

test-faults: $(VENV)/.runtime ## fault injection, about half an hour: prints docs/results/robustness.md
	$(BIN)/python -m tests.faults

test-sdist: ## the fast tests, from the unpacked source distribution
	$(PYTHON) .ci/step.py sdist

ci: ## what a change must pass
	bash .ci/run

lint: $(VENV)/.lint ## style, format, types, import contracts, workflows
	$(BIN)/python .ci/lint.py

measure: ## size, imports, cycles, options and docstrings of the source
	$(PYTHON) .ci/measure.py

format: $(VENV)/.lint ## fix what ruff can fix
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/.runtime ## measure speed, memory and agreement with the published tools
	$(BIN)/python benchmarks/run.py

docs: $(VENV)/.docs ## the pages, in site/
	$(BIN)/mkdocs build --strict

changes: $(VENV)/.lint ## what the next release changes, as CHANGELOG.md will have it
	$(BIN)/towncrier build --draft --version next

clean: ## remove what the targets made
	rm -rf $(VENV) demo site build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

# One stamp for each set of extras; all are made anew when pyproject.toml changes.

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Skysieve needs Python 3.11 or later and $(PYTHON) is older: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: pyproject.toml $(VENV)/.python
	$(PIP) -e '.[test]'
	@touch $@

$(VENV)/.lint: pyproject.toml $(VENV)/.runtime
	$(PIP) -e '.[train,mask-rcnn,test,lint]'
	@touch $@

$(VENV)/.docs: pyproject.toml $(VENV)/.runtime
	$(PIP) -e '.[docs]'
	@touch $@
