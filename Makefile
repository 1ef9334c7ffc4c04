# demo test check validate training fuzz bench: each prepares .venv when it must, and is quick the second time.
# Nothing is needed beforehand but make and a Python 3.11 or later with venv.

.DEFAULT_GOAL := demo
.PHONY: demo test check validate training fuzz bench

# An empty environment has no PATH, and an empty HOME would send caches to the root folder.
export PATH := $(or $(PATH),/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
ifeq ($(HOME),)
unexport HOME
endif

# pip leaves modules uncompiled (half the time of the install), so those that are used must be kept compiled.
unexport PYTHONDONTWRITEBYTECODE

USABLE := import ensurepip, sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3.11 python3; do $$python -c '$(USABLE)' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install --no-compile --constraint constraints.txt

demo: .venv/runtime
	@$(BIN)/fabricsim demo

test: .venv/development
	$(BIN)/python -m pytest

# Type checkers follow names, not folders: they look at an installed copy, as users see it.
check: .venv/development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@rm -rf build .venv/copy
	$(PIP) --no-build-isolation --no-deps --target .venv/copy .
	cd .venv/copy && ../bin/mypy --config-file ../../pyproject.toml --package fabricsim
	$(BIN)/lint-imports

validate: .venv/development
	$(BIN)/python -m pytest -m validation --verbose

# Training steps: their accuracy, and their speed.
training: .venv/development
	$(BIN)/python -m pytest -m validation tests/validation/test_training.py tests/validation/test_training_volumes.py; \
	exact=$$?; $(BIN)/python benchmarks/training_table.py && exit $$exact

fuzz: .venv/development
	$(BIN)/python -m pytest -m slow --verbose

bench: .venv/development
	$(BIN)/python benchmarks/run.py; commands=$$?; $(BIN)/python benchmarks/engine_table.py && exit $$commands

.venv/runtime: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or later with venv: install python3 and python3-venv" >&2; exit 1; }
	@echo "installing fabricsim and its libraries into .venv, once: about half a minute" >&2
	@$(PYTHON) -m venv .venv
	@$(PIP) setuptools
	@$(PIP) --no-build-isolation --editable .
	@touch $@

.venv/development: .venv/runtime
	@echo "installing the development tools into .venv, once: about half a minute" >&2
	@$(PIP) --no-build-isolation --editable '.[dev]'
	@touch $@
