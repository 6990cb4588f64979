# Regulars. Only Python 3.11+ is needed; uv is fetched into .bootstrap/ when it is missing.
#   make demo    install, refresh the real-data company, say what to open next
#   make demo-full   the same with its 20.9 million rows of promotions
#   make test-spark  the models on a Spark cluster of two workers, equal to DuckDB's
#   make break   kill, corrupt and fill the disk of a small company in every known way, and count
#   make test    install, lint, types, tests, docs check

PYTHON ?= python3
VENV := .venv
UV := $(or $(shell command -v uv 2>/dev/null),.bootstrap/bin/uv)
BOOTSTRAP := $(filter .bootstrap/bin/uv,$(UV))

export DO_NOT_TRACK := 1
export DAGSTER_DISABLE_TELEMETRY := yes
export UV_NO_PROGRESS := 1
export UV_PYTHON_DOWNLOADS := never

.PHONY: help install install-dev demo demo-full test break test-spark system screenshots reference clean

help:
	@sed -n 's/^#   //p' Makefile

.bootstrap/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; this is $$($(PYTHON) --version). Try: make PYTHON=python3.11 demo"; exit 2; }
	@$(PYTHON) -m venv .bootstrap || { echo "python3 -m venv failed: install the python3-venv package, or uv itself"; exit 2; }
	.bootstrap/bin/python -m pip install --quiet --disable-pip-version-check uv

install: $(BOOTSTRAP)
	@$(UV) sync --frozen --quiet --inexact --no-group dev --python $(PYTHON)
	@$(VENV)/bin/python -m orchestration.warehouse.dbt

install-dev: $(BOOTSTRAP)
	@$(UV) sync --frozen --quiet --compile-bytecode --python $(PYTHON)
	@$(VENV)/bin/python -m orchestration.warehouse.dbt

demo: install
	@$(VENV)/bin/regulars refresh

demo-full: install
	@$(VENV)/bin/regulars refresh --include shop.promotions

system:
	@bash tests/system.sh

test: system install-dev
	@$(VENV)/bin/python tests/run.py

break: install-dev
	@$(VENV)/bin/python -m tests.breaking

test-spark: $(BOOTSTRAP)
	@bash tests/system.sh java
	@$(UV) sync --frozen --quiet --compile-bytecode --inexact --group spark --python $(PYTHON)
	@$(VENV)/bin/pytest -q tests/spark

screenshots: install-dev
	$(VENV)/bin/python docs/screenshots.py

reference: install-dev
	$(VENV)/bin/python docs/reference.py

clean:
	rm -rf $(VENV) .bootstrap dbt_project/target .mypy_cache .ruff_cache .pytest_cache .hypothesis
