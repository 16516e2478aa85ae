# Every command of the project; CI calls these same targets (.ci/run). `make help` lists them.

.DEFAULT_GOAL := help
SHELL := /bin/bash

BIN := .venv/bin
CODE := pyactor examples tests docs
ARGS ?=

# The tests that cover their packages in full, under a tracer; and, for all, a process for each core.
COVERED := definition wire session
ON_ALL_CORES := --numprocesses auto

# The tests start hundreds of interpreters, and each would compile the package and its tests anew.
unexport PYTHONDONTWRITEBYTECODE
KILLS ?= 200
SEED ?= 20
RESTARTS ?= 50
CLIENTS ?= 50
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
test: check coverage rest bench-smoke  ## Everything that must pass: check, all tests with the coverage gate, bench-smoke

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
coverage: .venv/installed-dev  ## The tests of definition, wire and session, which cover them in full
	$(BIN)/coverage erase
	HYPOTHESIS_PROFILE=ci $(BIN)/coverage run -m pytest $(ON_ALL_CORES) \
		$(COVERED:%=tests/%) $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=100

.PHONY: rest
rest: .venv/installed-dev $(CLIENT)  ## All other tests, without a tracer
	HYPOTHESIS_PROFILE=ci $(BIN)/pytest $(ON_ALL_CORES) $(COVERED:%=--ignore=tests/%) $(ARGS)

.PHONY: conformance
conformance: .venv/installed-dev $(CLIENT)  ## The official client against `pyactor serve`, and pyactor.asgi under uvicorn and hypercorn
	PYACTOR_CONFORMANCE_ALL=1 $(BIN)/pytest tests/conformance $(ARGS)

.PHONY: deep
deep: .venv/installed-dev  ## The property-based tests with many more examples
	HYPOTHESIS_PROFILE=deep $(BIN)/pytest $(ON_ALL_CORES) --timeout=3600 $(ARGS)

.PHONY: crash
crash: .venv/installed-dev  ## kill -9 a real host under load (KILLS=200 SEED=20), then A1 to A6
	$(BIN)/python -m tests.crash --kills $(KILLS) --seed $(SEED)

.PHONY: restarts
restarts: .venv/installed-dev  ## Kill a real host RESTARTS=50 times under CLIENTS=50 clients: each comes back
	PYACTOR_RESTARTS=$(RESTARTS) PYACTOR_CLIENTS=$(CLIENTS) \
		$(BIN)/pytest tests/client/test_restarts.py $(ARGS)

.PHONY: many
many: .venv/installed-dev  ## Start, put to sleep and wake many actors (ACTORS=100000) in bounded memory
	$(BIN)/python benchmarks/many_actors.py $(ACTORS)

# ------------------------------------------------------------------ measure

# Peers have environments of their own: a default install of pyactor, and one with everything.
PEERS := benchmarks/.venv
NODE_PEERS := benchmarks/node_modules/.installed

$(PEERS)/default/installed: pyproject.toml
	"$(PYTHON)" -m venv $(PEERS)/default
	$(PEERS)/default/bin/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(PEERS)/fast/installed: pyproject.toml benchmarks/requirements.txt
	"$(PYTHON)" -m venv $(PEERS)/fast
	$(PEERS)/fast/bin/pip install --quiet --disable-pip-version-check \
		--requirement benchmarks/requirements.txt --editable '.[fast]'
	@touch $@

# As for the official client: without them their rows are left out, and the results say why.
$(NODE_PEERS): benchmarks/package-lock.json
	@cd benchmarks && npm install --no-save --loglevel=error && touch node_modules/.installed \
		|| echo "npm has not installed the peers that need Node: they are left out" >&2

.PHONY: bench
bench: $(PEERS)/default/installed $(PEERS)/fast/installed $(NODE_PEERS)  ## Measure pyactor and its peers side by side, about 25 minutes (ARGS='--rounds 3 --only actions')
	$(PEERS)/fast/bin/python -m benchmarks $(ARGS)

.PHONY: bench-report
bench-report: $(PEERS)/fast/installed  ## The pictures and docs/performance.md again, from the last results
	$(PEERS)/fast/bin/python -m benchmarks --report $(ARGS)

.PHONY: bench-smoke
bench-smoke: .venv/installed-dev  ## Does every part of the benchmarks work? No time is asserted
	$(BIN)/python -m benchmarks --smoke

# ------------------------------------------------------------------ change

.PHONY: fmt
fmt: .venv/installed-dev  ## Format, and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: clean
clean:  ## Remove the environment and everything generated
	rm -rf .venv build dist htmlcov .coverage .coverage.* .hypothesis .import_linter_cache \
		.mypy_cache .pytest_cache .ruff_cache tests/conformance/node_modules \
		benchmarks/.venv benchmarks/node_modules benchmarks/build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
