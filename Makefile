# make run      serves the studio on http://127.0.0.1:7860
# make test     what is quick to try, in a real browser too
# make thorough everything: whole lessons of the shipped models and a Ray cluster as well
# make lint     style and types        make format   rewrites the style
#
# Each installs what it needs into .venv, again only when the requirements have changed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev

TESTS := $(BIN)/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder

.PHONY: run test thorough lint format
.DEFAULT_GOAL := run

run: $(INSTALLED)
	$(BIN)/python app.py

test: $(INSTALLED_DEV)
	$(BIN)/python tests/browser/chromium.py
	$(BIN)/ruff check .
	$(TESTS) -m "not thorough"

thorough: $(INSTALLED_DEV)
	$(BIN)/python tests/browser/chromium.py
	$(TESTS)

lint: $(INSTALLED_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(INSTALLED_DEV)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "The studio needs Python 3.11 or newer; choose one with: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "Python's venv is missing; on Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }

$(INSTALLED): requirements.txt | $(BIN)/python
	@echo "Installing what the studio needs into $(VENV) (once; some minutes)"
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt
	@touch $@

$(INSTALLED_DEV): requirements-dev.txt $(INSTALLED)
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements-dev.txt
	@touch $@
