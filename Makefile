# Every command of the project; CI calls these same targets (.ci/run). `make help` lists them.

.DEFAULT_GOAL := help
SHELL := /bin/bash

BIN := .venv/bin
CODE := pyactor examples tests docs
ARGS ?=
KILLS ?= 200
SEED ?= 20
ACTORS ?= 100000

# The first Python >= 3.11 that can make a virtual environment. Name another: make PYTHON=python3.12 …
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo "$$python"; break; }; done)

define NO_PYTHON
pyactor needs Python 3.11 or newer that can make virtual environments (modules venv and ensurepip).
On Debian and Ubuntu: apt install python3-venv. Otherwise name one: make PYTHON=/path/to/python3.12
endef
export NO_PYTHON

# ------------------------------------------------------------------ environment

.venv/bin/python:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		&& "$(PYTHON)" -m venv .venv || { rm -rf .venv; echo "$$NO_PYTHON" >&2; exit 1; }

# Stamps, so that a change of pyproject.toml installs again. What runs needs no tools of ours.
.venv/installed-dev: pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch .venv/installed-dev .venv/installed

.venv/installed: pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch .venv/installed

# The official client, from npm. Where it cannot be had its tests say so: skipped, or failed in CI.
# Not npm ci: it wants the optional packages of all platforms, and no registry has every one.
CLIENT := tests/conformance/node_modules/.installed

$(CLIENT): tests/conformance/package-lock.json
	@cd tests/conformance && npm install --no-save --loglevel=error && touch node_modules/.installed \
		|| echo "npm has not installed the official client: no tests of it" >&2

# ------------------------------------------------------------------ run

.PHONY: demo
demo: .venv/installed  ## Watch real clients live through an actor's lifecycle (ARGS=--once to end after it)
	$(BIN)/pyactor demo $(ARGS)

# ------------------------------------------------------------------ check

.PHONY: test
test: check coverage  ## Everything that must pass: check, then the tests with the coverage gate

.PHONY: check
check: format lint types architecture docs  ## All static checks

.PHONY: format
format: .venv/installed-dev  ## Is the code formatted?
	$(BIN)/ruff format --check .

.PHONY: lint
lint: .venv/installed-dev  ## ruff
	$(BIN)/ruff check .

.PHONY: types
types: .venv/installed-dev  ## mypy --strict, basedpyright, and the public stub against the package
	$(BIN)/mypy
	$(BIN)/basedpyright
	MYPYPATH=stubs $(BIN)/stubtest pyactor --ignore-missing-stub --allowlist stubs/allowlist.txt

.PHONY: architecture
architecture: .venv/installed-dev  ## Which package may import which
	$(BIN)/lint-imports --no-logo

.PHONY: docs
docs: .venv/installed-dev  ## Do the diagrams in docs/ match the tables in the code?
	$(BIN)/python docs/generate.py --check

.PHONY: coverage
coverage: .venv/installed-dev $(CLIENT)  ## The tests, then: definition, wire and session are covered in full
	HYPOTHESIS_PROFILE=ci $(BIN)/coverage run -m pytest $(ARGS)
	$(BIN)/coverage report --fail-under=100 \
		--include='pyactor/definition/*,pyactor/wire/*,pyactor/session/*'

.PHONY: conformance
conformance: .venv/installed-dev $(CLIENT)  ## The official client against `pyactor serve`
	$(BIN)/pytest tests/conformance $(ARGS)

.PHONY: deep
deep: .venv/installed-dev  ## The property-based tests with many more examples
	HYPOTHESIS_PROFILE=deep $(BIN)/pytest --timeout=3600 $(ARGS)

.PHONY: crash
crash: .venv/installed-dev  ## kill -9 a real host under load (KILLS=200 SEED=20), then A1 to A6
	$(BIN)/python -m tests.crash --kills $(KILLS) --seed $(SEED)

.PHONY: many
many: .venv/installed-dev  ## Start, put to sleep and wake many actors (ACTORS=100000) in bounded memory
	$(BIN)/python benchmarks/many_actors.py $(ACTORS)

# ------------------------------------------------------------------ change

.PHONY: fmt
fmt: .venv/installed-dev  ## Format, and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: clean
clean:  ## Remove the environment and everything generated
	rm -rf .venv build dist htmlcov .coverage .coverage.* .hypothesis .import_linter_cache \
		.mypy_cache .pytest_cache .ruff_cache tests/conformance/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help:  ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
