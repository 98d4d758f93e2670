# The two commands people need: `make demo` and `make test`. Each sets up .venv by itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Two to a core: some tests wait for servers.
WORKERS ?= $(shell expr $$(nproc) \* 2)
# Each of the many processes that tests start would compile all of it anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo demo-tracker test lint types docs bench chaos release install clean

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

test: $(STAMP)
	@$(MAKE) --jobs 2 lint docs
	$(BIN)/pytest -n $(WORKERS) --dist worksteal

bench: $(STAMP)
	$(BIN)/python -m tests.bench

chaos: $(STAMP)  ## 1,000 polls killed, and many more schedules of faults
	EXFILWATCH_CHAOS=1000 $(BIN)/pytest -n auto tests/faults tests/cases/test_once.py tests/cases/test_protocol.py tests/platforms/splunk_soar/test_running.py tests/house/test_helm.py tests/queries/test_elastic.py

# The same files from the same commit, whoever makes them: what is packed has the time of the commit.
release: export SOURCE_DATE_EPOCH = $(shell git log -1 --format=%ct)
release: $(STAMP)  ## wheel, source distribution, SBOM (CycloneDX) and checksums, in dist/
	rm -rf dist
	$(BIN)/python -m hatchling build -d dist
	$(PYTHON) -m venv dist/.venv
	dist/.venv/bin/python -m pip install --quiet --disable-pip-version-check "$$(ls dist/*.whl)[serve,postgresql,microsoft,aws,stix,mcp]"
	$(BIN)/cyclonedx-py environment --output-reproducible --output-format JSON --output-file dist/exfilwatch.cdx.json dist/.venv/bin/python
	rm -rf dist/.venv
	cd dist && sha256sum * > SHA256SUMS

clean:
	rm -rf $(VENV) .docs-site .bench
