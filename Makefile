# Needs Python >= 3.11 and make, nothing else; everything is kept in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

# What the installed product is made of: a change here means to install again.
SOURCES := setup.py README.rst $(shell find bwconnector twisted -name '*.py' -o -name '*.html')

# Packages as requirements/lock.txt has them, each compared with its hash: make test LOCKED=yes. Without it, the newest that setup.py permits.
LOCKED :=

.PHONY: run test lint bench chaos recovery soak memory fuzz wheel sbom audit lock clean

run: $(VENV)/installed-manhole
	$(BIN)/twistd -n --pidfile= bwconnector

test: lint
	$(BIN)/python -m pytest -q $(TESTS)

lint: $(VENV)/installed-dev
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/mypy --no-error-summary

# How fast it is, beside a floor measured in the same run; about six minutes, or BENCH=--quick for one. BENCH=--write keeps the figures.
bench: $(VENV)/installed-dev
	$(BIN)/python -m bench $(BENCH)

# Three XSPs killed and revived at random under load, for three minutes at most; longer with CHAOS='--events 100000 --seconds 1200'.
chaos: $(VENV)/installed-dev
	$(BIN)/python -m tests.chaos.soak $(CHAOS)

# All XSPs lost and back with 2,000 monitors: how long it takes until all are live again.
recovery: $(VENV)/installed-dev
	$(BIN)/python -m tests.chaos.recovery

# The product as processes under calls, faults and hostile peers for ten minutes: is it then what it was? Hours with SOAK='--seconds 14400'.
soak: $(VENV)/installed-dev
	$(BIN)/python -m tests.soak $(SOAK)

# How much memory never-reading T-Servers and hostile XSPs can make it take; other numbers with MEMORY='--tservers 16'.
memory: $(VENV)/installed-dev
	$(BIN)/python -m tests.soak.memory $(MEMORY)

# Inputs made up by coverage, against the parsers of both wires, for two minutes; an hour with FUZZ='--seconds 3600'. Needs Python 3.11.
fuzz: $(VENV)/installed-dev $(VENV)/installed-fuzz
	$(BIN)/python -m tests.fuzz $(FUZZ)

# What is built is as old as the last commit, so that the same commit gives the same bytes.
wheel sbom: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 315532800)

# A clean copy is built: a build directory left over would bring deleted modules back, and files keep the rights of the one who builds.
wheel: $(VENV)/installed-dev
	@rm -rf build
	umask 022 && $(BIN)/python -m build --wheel --no-isolation

# What the connector consists of, as CycloneDX JSON.
sbom: $(VENV)/installed-dev
	@mkdir -p dist
	$(BIN)/python -m tools.sbom > dist/bwconnector.cdx.json
	@echo dist/bwconnector.cdx.json

# Known vulnerabilities of what the lock names; exit code 2 if no vulnerability service can be reached.
audit: $(VENV)/installed-dev
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip --quiet --disable-pip-version-check install pip-audit
	$(BIN)/python -m tools.audit $(VENV)/audit/bin/pip-audit

# Writes requirements/lock.txt anew.
lock: $(VENV)/installed-dev
	$(BIN)/python -m tools.lock

clean:
	rm -rf $(VENV) build dist *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; choose one with: make PYTHON=/path/to/python3")'
	$(PYTHON) -m venv $(VENV)

# A build directory left over from an earlier version would bring deleted modules back.
$(VENV)/installed-%: $(VENV)/bin/python $(SOURCES)
	@rm -rf build
	$(if $(LOCKED),$(PIP) install --require-hashes -r requirements/lock.txt)
	$(PIP) install $(if $(LOCKED),--no-deps --no-build-isolation) '.[$*]'
	@touch $@
