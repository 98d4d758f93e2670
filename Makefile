# The two commands people need: `make demo` and `make test`. Each sets up .venv by itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo demo-tracker test lint types docs bench chaos install clean

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@touch $@

install: $(STAMP)  ## set up .venv with everything

demo: $(STAMP)  ## the main job on embedded data
	@$(BIN)/exfilwatch demo

demo-tracker: $(STAMP)  ## its cases in a real Roundup, to look at in a browser
	@$(BIN)/python -m tests.demo.tracker

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir .docs-site

test: $(STAMP) lint docs
	$(BIN)/pytest -n auto

bench: $(STAMP)
	$(BIN)/python -m tests.bench

chaos: $(STAMP)  ## 1,000 polls killed, and many more schedules of faults
	EXFILWATCH_CHAOS=1000 $(BIN)/pytest -n auto tests/faults tests/cases/test_once.py tests/cases/test_protocol.py

clean:
	rm -rf $(VENV) .docs-site .bench
