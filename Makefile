# A fresh machine with python3 (3.11 or newer) and make needs two commands:
#   make lab     the lessons in JupyterLab
#   make test    everything that has to hold before a change goes in
# Each sets up .venv by itself, the first time and again after pyproject.toml or constraints.txt changed.

PYTHON ?= python3
# On Linux, torch from the package index brings several GB of CUDA libraries. To save them, name PyTorch's own
# index of CPU wheels: make lab TORCH_INDEX=https://...
TORCH_INDEX ?=
# The version that `make pins` keeps.
TORCH ?= 2.13.0
# Options for `course lab`, such as: make lab LAB="01 --port 9000"
LAB ?=
# Which benchmarks to run; all if none is named.
BENCH ?=

VENV := .venv
BIN := $(VENV)/bin
LAB_READY := $(VENV)/.lab-ready
DEV_READY := $(VENV)/.dev-ready
BENCH_READY := $(VENV)/.bench-ready
PIP_INSTALL = -m pip install --disable-pip-version-check $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

# nbgrader calls alembic, and JupyterLab its helpers, by name.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help lab test test-slow classroom bench build pins clean
.DELETE_ON_ERROR:

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

lab: $(LAB_READY) ## copy new lessons into work/, open them in JupyterLab, print its address
	@$(BIN)/course lab $(LAB)

test: $(DEV_READY) ## style, types, fresh builds, and every test but the slow ones
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/course build --check
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

test-slow: $(DEV_READY) ## the slow tests: whole lessons, nbgrader, browsers, real models
	$(BIN)/python -m pytest -n 2 --dist worksteal -m slow

# The workers share the cores; more threads in each would only make them wait for one another.
test test-slow: export OMP_NUM_THREADS := 1
test test-slow: export OPENBLAS_NUM_THREADS := 1

classroom: $(LAB_READY) ## the whole course in JupyterLab, with nbgrader's formgrader
	@$(BIN)/course lab --classroom $(LAB)

bench: $(BENCH_READY) ## side by side with other libraries; for one of them: make bench BENCH=contrastive
	$(BIN)/python -m benchmarks $(BENCH)

build: $(DEV_READY) ## write notebooks/ and the index of exercises anew from solutions/
	$(BIN)/course build

# Run it with the oldest Python that the course supports: its pins fit the later ones too, not the reverse.
pins: ## write constraints.txt anew: what a clean environment resolves to today
	$(PYTHON) -m venv --clear .cache/pins
	.cache/pins/bin/python $(PIP_INSTALL) -e '.[dev,bench,cluster,postgres]' torch==$(TORCH)
	{ sed -n '/^#/p' constraints.txt; \
	  .cache/pins/bin/python -m pip freeze --all --exclude pip --exclude wheel --exclude-editable \
	  | sed 's/+[^ ]*$$//'; } > .cache/constraints.txt
	mv .cache/constraints.txt constraints.txt
	rm -rf .cache/pins

clean: ## remove .venv and what tools cached; work/ and classroom/ stay
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(LAB_READY): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python $(PIP_INSTALL) -e . -c constraints.txt
	@touch $@

$(DEV_READY): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python $(PIP_INSTALL) -e '.[dev,cluster,postgres]' -c constraints.txt
	@touch $(LAB_READY) $@

$(BENCH_READY): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python $(PIP_INSTALL) -e '.[dev,bench,cluster,postgres]' -c constraints.txt
	@touch $(LAB_READY) $(DEV_READY) $@

# Debian keeps a part of venv in a package of its own; as root (in a container) it is installed here.
$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON). On Debian: apt install python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "The course needs Python 3.11" \
	  "or newer, but $(PYTHON) is $$($(PYTHON) -V). Name another one, such as PYTHON=python3.12." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	  && apt-get update -q && apt-get install -qy $(notdir $(PYTHON))-venv; } || { echo "$(PYTHON) cannot make" \
	  "virtual environments yet. On Debian: sudo apt install $(notdir $(PYTHON))-venv" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
