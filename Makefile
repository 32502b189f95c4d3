# make            set everything up and run the main job: the study of config.yaml, from datasets to report
# make test       set everything up, then run the linters and the tests that a plain machine can run in minutes
# make test TESTS=ci    these, and tests on a real SLURM and in real containers; .ci/run shows how to install both
# make test TESTS=all   every test, among them those that run before a release: the quick study, and more faults on SLURM
# make test-fast  the linters and the unit tests alone
# make test-xla   the tests that train through PyTorch/XLA, in an environment of their own: $(XLA_VENV)
# make docs       the documentation site, in site/html
# make example    train docs/example/package.yaml again, and write the package in docs/results/example from it
# make licences   name, version and licence of every package in $(VENV)
# All work from a fresh clone; nothing is installed outside of $(VENV).

PYTHON ?= python3
VENV ?= .venv
XLA_VENV ?= .venv-xla
BIN := $(VENV)/bin
STACK ?= torch2.12-cu130
TESTS ?= most
TESTS_AT_ONCE ?= 2
ifeq ($(filter $(TESTS),most ci all),)
$(error TESTS=$(TESTS) is unknown; write TESTS=most, TESTS=ci or TESTS=all)
endif
PYTEST := $(BIN)/python -m pytest -n $(TESTS_AT_ONCE) --dist loadfile --no-loadscope-reorder
PINS := envs/$(STACK).txt envs/analysis.txt envs/cluster.txt envs/dev.txt

.PHONY: run test test-fast test-xla check docs example licences pins clean

run: $(VENV)/.installed
	$(BIN)/snakemake
	@$(BIN)/noisegrid summary

test: check
ifeq ($(TESTS),all)
	$(PYTEST)
else ifeq ($(TESTS),ci)
	$(PYTEST) -m "not release"
	@echo "Left out: the tests that run before a release; 'make test TESTS=all' runs them too."
else
	$(PYTEST) -m "not release and not slurm and not apptainer"
	@echo "Left out: the tests on a real SLURM and in real containers, and those that run before a release."
	@echo "'make test TESTS=all' runs them too; .ci/run shows how to install SLURM, Apptainer and Chromium."
endif

test-fast: check
	$(PYTEST) -m "not slow and not slurm and not apptainer"
	@echo "Left out: the tests that train or run the workflow; 'make test' runs them."

# not part of `make test`: PyTorch/XLA needs another PyTorch, which is 3 GB more to download
test-xla:
	$(MAKE) STACK=torch2.9-xla VENV=$(XLA_VENV) $(XLA_VENV)/.installed
	$(XLA_VENV)/bin/python -m pytest -m xla

check: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/mypy

# -W: a link, an anchor or a name that leads nowhere is an error
docs: $(VENV)/.installed
	$(BIN)/sphinx-build -W --keep-going --quiet -d site/doctrees docs site/html
	@echo "Written: site/html/index.html"

example: $(VENV)/.installed
	$(BIN)/snakemake all package --config study=docs/example/package.yaml
	xz -9 --extreme --stdout results/example/example.crate.zip > docs/results/example/example.crate.zip.xz

licences: $(VENV)/.installed
	@$(BIN)/python envs/licences.py

$(VENV)/.installed: $(PINS) pyproject.toml $(VENV)/.stack-$(STACK)
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("noisegrid needs Python 3.11 or newer; say which with: make PYTHON=python3.11")'
	@echo "Installing into $(VENV): PyTorch with its CUDA libraries is about 3 GB to download, once."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes $(PINS:%=-r %)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	@touch $@

# another stack in the same environment is installed over it
$(VENV)/.stack-$(STACK):
	@mkdir -p $(VENV) && rm -f $(VENV)/.stack-* && touch $@

# Renew the pins: one resolution for all three files, so that they fit together, and hashes for every platform.
pins:
	cd envs && ./renew.sh

clean:
	rm -rf $(VENV) $(XLA_VENV) results resources site .snakemake
