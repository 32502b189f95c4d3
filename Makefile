# make        set everything up and run the main job: the study of config.yaml, from images to report
# make test   set everything up and run every check and test
# Both work from a fresh clone; nothing is installed outside of $(VENV).

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STACK ?= torch2.12-cu130
PINS := envs/$(STACK).txt envs/analysis.txt envs/cluster.txt envs/dev.txt

.PHONY: run test check pins clean

run: $(VENV)/.installed
	$(BIN)/snakemake
	@$(BIN)/python -m noisegrid.show

test: check
	$(BIN)/python -m pytest

check: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/mypy

$(VENV)/.installed: $(PINS) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("noisegrid needs Python 3.11 or newer; say which with: make PYTHON=python3.11")'
	@echo "Installing into $(VENV): PyTorch with its CUDA libraries is about 3 GB to download, once."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes $(PINS:%=-r %)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

# Renew the pins: one resolution for all three files, so that they fit together, and hashes for every platform.
pins:
	cd envs && ./renew.sh

clean:
	rm -rf $(VENV) results resources .snakemake
