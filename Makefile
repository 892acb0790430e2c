# `make up` runs the whole product, `make test` proves it. `make help` lists the rest.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := 0.13.8

PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest  # else each worker compiles everything anew

.DEFAULT_GOAL := help
.PHONY: help up test lint check bench prove faults simulate crashes lock format clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

up: $(VENV)/.run ## set everything up and run the whole product on this machine
	@exec $(BIN)/python -m services

# Twice the cores: half of its time a test waits for a server or a browser, which a file's tests share.
WORKERS = $$(( 2 * $$(getconf _NPROCESSORS_ONLN) ))
test: $(VENV)/.dev ## set everything up and pass all tests
	@$(PYTEST) -n $(WORKERS) --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.dev ## lint, format, types, import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

check: lint ## lint, and the unit and flow tests that need no server (under a minute)
	@$(PYTEST) -q -n auto --dist worksteal -m "not slow" tests/unit tests/flow

bench: $(VENV)/.dev ## every number we promise, beside its floor
	@$(BIN)/python -m tests.bench

PROVE := $(PYTEST) -q -m prove -n 5 --dist worksteal
prove: $(VENV)/.dev ## kill, freeze, wipe and cut real processes; simulate 1,000 seeds
	@$(PROVE) tests/faults tests/simulation
	@$(BIN)/python -m tests.simulation --seeds 1000

faults: $(VENV)/.dev ## the long form of prove: 300 kills
	@$(PROVE) tests/faults --kills 300

SEEDS ?= 1000
simulate: $(VENV)/.dev ## the sending protocol under SEEDS=n seeded fault schedules
	@$(BIN)/python -m tests.simulation --seeds $(SEEDS)

crashes: $(VENV)/.dev ## the sender dies at every await of the send path, and at every pair of them
	@$(BIN)/python -m tests.simulation --every-crash

format: $(VENV)/.dev ## let the formatter decide
	@$(BIN)/ruff check --fix-only -q . ; $(BIN)/ruff format -q .

LOCK = $(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-emit-index-url --no-annotate
lock: $(VENV)/.uv ## resolve pyproject.toml anew into the two lock files
	@$(LOCK) $(UPGRADE) --extra build pyproject.toml -o requirements.lock
	@$(LOCK) $(UPGRADE) --extra build --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean: ## forget the virtual environment and all caches, keep the data
	@rm -rf $(VENV) .cache *.egg-info

$(VENV)/.uv: Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Handoff needs Python 3.11 or newer")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV)
	@touch $@

$(VENV)/.run: $(VENV)/.uv requirements.lock pyproject.toml
	@echo "Setting up (once, about half a minute) ..."
	@$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	@echo "Setting up the tests (once) ..."
	@$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@touch $@
