# The only task runner: every target is one line into uv or the `mmo` command line.
SHELL := /bin/bash
.DEFAULT_GOAL := help
UV := $(shell command -v uv 2>/dev/null || echo .tools/uv/bin/uv)
RUN := $(UV) run --no-sync --

# Forbidden to keep its bytecode, as some environments have it, Python compiles all libraries anew
# in each process: half of the time that a start takes.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: up test check types style published loaded cases bench docs demo histories temporal-server day long clean help

up: .venv/ready ## install what is missing, then start everything; Ctrl-C stops it
	@exec .venv/bin/mmo up

test: check ## everything that CI runs: `make check`, then all tests
	$(RUN) pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not long"

check: .venv/ready ## format, lint, types, imports, published files, and that every test loads
	@$(MAKE) --no-print-directory -j 2 --output-sync types style published loaded

types: .venv/ready ## of `make check`: pyright, strict
	$(RUN) pyright
style: .venv/ready ## of `make check`: format, lint, which way imports go
	$(RUN) ruff format --check && $(RUN) ruff check && $(RUN) lint-imports
published: .venv/ready ## of `make check`: generated files are what the code says
	$(RUN) python -m workers generate --check && $(RUN) openapi-spec-validator --schema 3.1 docs/openapi.yaml
loaded: .venv/ready ## of `make check`: every test can be loaded
	@set -o pipefail; $(RUN) pytest --collect-only -qq | sed '/^tests.*: [0-9]*$$/d'

cases: .venv/ready ## run the cases of the threat model, and write the table of them
	MMO_WRITE_CASES=1 $(RUN) pytest -n 2 --dist loadfile -m "case and not long"

bench: .venv/ready ## measure movements, ledger and reads against their yardsticks
	$(RUN) python -m benchmarks

docs: .venv/ready ## generate the published files anew
	$(RUN) python -m workers generate

demo: .venv/ready ## show a shilling's life on the running stack
	$(RUN) mmo demo

ALL ?=
histories: .venv/ready ## record the workflow histories that are missing, on the real server; ALL=1: all of them again
	$(RUN) python -m tests.replay.record $(if $(ALL),--all)

temporal-server: .venv/ready ## build the real Temporal server and its UI (some minutes, once)
	$(RUN) mmo temporal-server

SIZE ?= small
day: .venv/ready ## a day in the life of an operator; SIZE=small, medium (an hour) or kills
	$(RUN) pytest -s -p no:randomly -m "long or not long" -k $(SIZE) tests/e2e/test_day.py tests/faults/test_day.py

long: .venv/ready ## the drills that are too slow for `make test`
	$(RUN) pytest -m long

clean: ## remove what was built here; data in .mmo stay (`mmo reset` erases them)
	rm -rf .venv .tools build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Installed again only where the lock or the project has changed; so `make up` works offline.
.venv/ready: pyproject.toml uv.lock | $(UV)
	@deploy/install-softhsm
	@$(UV) sync --all-extras --locked && touch $@

# uv into the project's own folder: in a venv where Python has pip, else beside it.
.tools/uv/bin/uv:
	@deploy/install-uv .tools/uv
