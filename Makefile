# `make run` and `make test` do all their set-up: Python 3.11 or later and make are all they need.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: run test check bench prove wheel-check generate snapshots format clean

run: $(READY)  ## the whole main job, on sample people
	@$(BIN)/withness demo

test: $(READY)  ## every test; prints what was skipped, and why
	$(BIN)/python -m pytest -n auto --dist loadgroup $(TESTS)

check: $(READY)  ## style, types, import contracts, drift of what is generated
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m benchmarks.drift

bench: $(READY)  ## figures as ratios to their floor in the same run
	$(BIN)/python -m benchmarks

prove: $(READY)  ## the long campaigns whole, and the benchmarks; writes docs/figures.md
	WITHNESS_CAMPAIGN=whole $(BIN)/python -m pytest tests -m campaign -q --campaign-figures=benchmarks/campaigns.json
	WITHNESS_CAMPAIGN=whole $(BIN)/python -m benchmarks --figures docs/figures.md --campaigns benchmarks/campaigns.json

wheel-check: $(READY)  ## sdist -> wheel -> clean venv, run from another folder
	$(BIN)/python -m benchmarks.wheel

generate: $(READY)  ## write what is generated from the policy and catalogue
	$(BIN)/python -m benchmarks.drift --write

snapshots: $(READY)  ## write the profiles' snapshots, made by the validator from their differentials
	$(BIN)/python -m benchmarks.snapshots

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@
