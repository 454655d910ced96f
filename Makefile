# perpd: every target works from a fresh clone; needs only Linux x86-64, Python 3.11 or 3.12, make and git.
.DEFAULT_GOAL := help
.PHONY: help setup engine proto proto-check vectors fmt lint types tidy test net bench bench-net report localnet check clean
MAKEFLAGS += --no-print-directory

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
PYTHON ?=

# $(call step,what it does,command): says what is done and, at the end, how long it took.
define step
	@echo "$(1) ..."; begin=$$(date +%s); { $(2); } && echo "$(1): done in $$(( $$(date +%s) - begin )) s"
endef

# The first of these that runs as 3.11 or 3.12.
define find-python
for candidate in $(PYTHON) python3 python3.12 python3.11; do \
	if $$candidate -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null; then python=$$candidate; break; fi; \
done; \
if [ -z "$${python:-}" ]; then echo "perpd needs Python 3.11 or 3.12, and none is on the PATH (or say: make PYTHON=/path/to/python3.11)." >&2; exit 1; fi
endef

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## virtual environment with the locked dependencies and perpd itself
	@:

$(READY): requirements.lock pyproject.toml
	@$(find-python); \
	if ! $(PY) -c 'import sys, pip' 2>/dev/null; then \
		echo "creating the virtual environment $(VENV) with $$($$python --version) ..."; \
		rm -rf $(VENV); $$python -m venv $(VENV) || { rm -rf $(VENV); echo "Python's venv module does not work here; on Debian and Ubuntu install python3-venv." >&2; exit 1; }; \
	fi
	$(call step,installing the locked dependencies,$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement requirements.lock)
	$(call step,installing perpd into the environment,$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .)
	@touch $@

engine: $(READY)
	@$(PY) -m node.toolchain > /dev/null

proto: $(READY) ## regenerate proto/gen from the .proto files
	@$(PY) proto/generate.py

proto-check: $(READY) ## fail if proto/gen is not what the .proto files give
	@$(PY) proto/generate.py --check

vectors: $(READY) ## write the registry of codes, events and prefixes anew (name the changes in CHANGELOG)
	@PYTHONPATH=.:proto/gen:tests $(PY) -m tidy.registry

fmt: $(READY) ## format the code and fix what can be fixed
	@$(VENV)/bin/ruff check --quiet --fix-only . && $(VENV)/bin/ruff format .

lint: $(READY) ## check the format and the lint rules
	@$(VENV)/bin/ruff format --check . && $(VENV)/bin/ruff check .

types: $(READY) ## check the types (mypy strict)
	@$(VENV)/bin/mypy

tidy: $(READY) ## check the house rules on the source itself
	@$(PY) -m pytest -q tests/tidy

test: $(READY) engine ## the whole fast suite, with a real network of four validators
	@$(PY) -m pytest -m "not slow" $(ARGS)

net: $(READY) engine ## every test on real CometBFT networks (slow)
	@$(PY) -m pytest -m network $(ARGS)

bench: $(READY) ## speed of one node, stage by stage
	@PYTHONPATH=.:proto/gen:tests $(PY) -m bench.node $(ARGS)

bench-net: $(READY) engine ## speed of real networks of one and four validators
	@PYTHONPATH=.:proto/gen:tests $(PY) -m bench.network $(ARGS)

report: $(READY) ## studies of the exchange as one HTML file with plots
	@PYTHONPATH=.:proto/gen:tests $(PY) -m report.build $(ARGS)

localnet: $(READY) ## four validators on this machine with a live view; Ctrl-C stops them
	@$(VENV)/bin/perpd localnet up $(ARGS)

check: lint types tidy proto-check test ## what CI runs

clean: ## remove what running and testing left (the environment and the engine stay)
	@[ ! -x $(VENV)/bin/perpd ] || [ ! -f .perpd/localnet/network.json ] || $(VENV)/bin/perpd localnet down
	@rm -rf .perpd .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist reports
	@find . -name __pycache__ -not -path './$(VENV)/*' -not -path './.tools/*' -prune -exec rm -rf {} +
