# talkpath's commands for a checkout. Each makes .venv first where that is needed: no root, no other step.
# `make` alone lists them.

PYTHON ?= python3
JOBS   ?= 2
BIN    := .venv/bin
LOCK   := pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

.PHONY: help demo test bench captures reference lock core dev

help:
	@echo "make demo       play three scenes in a made-up country, about 90 s; writes demo/"
	@echo "make test       style, types, imports and tests; says what was not run and why"
	@echo "make bench      measure speed, write nothing"
	@echo "make captures   hold the apps' shapes against the public captures (TALKPATH_CAPTURES)"
	@echo "make reference  write docs/reference/ again from the commands"
	@echo "make lock       resolve requirements/ again (needs uv)"

core dev:
	@$(PYTHON) scripts/setup.py $@

demo: core
	@$(BIN)/talkpath demo

test: dev
	@echo "style (ruff)"
	@$(BIN)/ruff check .
	@echo "types (mypy)"
	@$(BIN)/mypy
	@echo "imports (import-linter)"
	@$(BIN)/lint-imports --no-logo
	@echo "tests (pytest)"
	@$(BIN)/pytest -n $(JOBS)
	@echo "passed: style (ruff), types (mypy), imports (import-linter), tests (pytest); not run: see above"

bench: dev
	@for file in bench/*.py; do echo "$$file"; $(BIN)/python "$$file" || exit 1; done

captures: dev
	@$(BIN)/pytest -m captures -s

reference: dev
	@$(BIN)/python scripts/write_reference.py

lock:
	@command -v uv >/dev/null || { echo "make lock needs uv on PATH (pip install uv)" >&2; exit 2; }
	uv $(LOCK) pyproject.toml --extra qr requirements/core.in -o requirements/core.txt
	uv $(LOCK) pyproject.toml --extra qr requirements/core.in requirements/dev.in -c requirements/core.txt -o requirements/dev.txt
	uv $(LOCK) requirements/virtualenv.in -o requirements/virtualenv.txt
