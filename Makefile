# Every target does its own set-up: a fresh clone needs Python 3.11 or newer and nothing else.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: help setup demo up test coverage test-long lint format bench reference lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: $(VENV)/installed $(VENV)/demo-data ## make .venv with everything pinned and hashed

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Tenure needs Python 3.11 or newer; say which one: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/pinned: requirements/runtime.txt requirements/dev.txt | $(BIN)/python
	$(PIP) install --quiet --require-hashes -r requirements/runtime.txt -r requirements/dev.txt
	@touch $@

# An editable install knows the top-level packages there were when it was made, hence the wildcard.
$(VENV)/installed: $(VENV)/pinned pyproject.toml $(wildcard */__init__.py)
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/demo-data: requirements/demo-data.txt | $(BIN)/python
	$(PIP) install --quiet --require-hashes --no-deps -r requirements/demo-data.txt
	@touch $@

demo: setup ## play a real program from definition to closing; ARGS="--interactive" leaves the decisions to you
	@$(BIN)/tenure demo $(ARGS)

up: setup ## start the embedded stack and keep it running until Ctrl-C
	@$(BIN)/tenure up $(ARGS)

test: setup ## the tests
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

coverage: setup ## the tests, and which lines and branches they reach; takes half as long again
	$(BIN)/pytest --cov --cov-report=term:skip-covered $(ARGS)

test-long: setup ## the tests that take minutes, and the others on other days and in other zones
	$(BIN)/pytest -m long -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)
	$(BIN)/python -m tests.days

lint: setup ## ruff, mypy --strict and the arrows between the packages
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## let ruff put the code in order
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: setup ## measure, print a table, write bench.json
	@$(BIN)/python -m benchmarks $(ARGS)

reference: setup ## write docs/definition.md, definition.schema.json, problems.md and licences.md from the code
	$(BIN)/tenure definition reference > docs/definition.md
	$(BIN)/tenure definition schema > docs/definition.schema.json
	$(BIN)/python -m api.http.problem_pages > docs/problems.md
	$(BIN)/python -m requirements.licences > docs/licences.md

lock: | $(BIN)/python ## resolve requirements/*.in anew; UPGRADE=--upgrade takes the newest versions
	test -x $(VENV)/lock/bin/uv || { $(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/python -m pip install --quiet uv; }
	for set in runtime dev; do \
	  $(VENV)/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-strip-extras \
	    --no-annotate --custom-compile-command "make lock" $(UPGRADE) requirements/$$set.in -o requirements/$$set.txt || exit 1; \
	done

clean: ## remove everything that was made here, the embedded stack's data included
	rm -rf $(VENV) .tenure .coverage htmlcov build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
