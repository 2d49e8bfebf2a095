# What can be done here; `make` alone lists it. Each command first sees to it that .venv/ holds what requirements.lock names.

BIN := .venv/bin
INSTALLED := .venv/.installed
TRAINING := .venv/.installed-train
SITE := .venv/.installed-docs
UV := $(shell command -v uv || echo .venv-tools/bin/uv)

# Matrices here are small: more BLAS threads than one only wait for each other.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export VECLIB_MAXIMUM_THREADS := 1

.DEFAULT_GOAL := help
.PHONY: help install report test lint types bench calibrate docs notebooks regrets install-train clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' Makefile

install: $(INSTALLED) ## Set .venv/ up, in about a minute

report: $(INSTALLED) ## Fit the models and set reports/report.pdf
	$(BIN)/taskorder report -o reports/report.pdf --force

test: $(INSTALLED) ## Run the tests
	$(BIN)/pytest -n 2

lint: $(INSTALLED) ## Check style, layout and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

types: $(INSTALLED) ## Check types
	$(BIN)/pyright

bench: $(INSTALLED) ## Time the engines beside PyMC, bambi, statsmodels and R, about two hours; writes benchmarks/results.md
	$(BIN)/python benchmarks/run.py all

calibrate: $(INSTALLED) ## Shuffle labels and plant effects, an hour, then calibrate every model, an hour each at most; goes on where it was stopped
	$(BIN)/taskorder control --times 200
	$(BIN)/taskorder control --times 40 --plant 2
	$(BIN)/taskorder control --times 40 --plant 6 --shuffle order
	@for model in models/*.toml; do \
	    echo "$(BIN)/taskorder calibrate --model $$model --cells 600"; \
	    $(BIN)/taskorder calibrate --model $$model --cells 600 || exit 1; \
	done

docs: $(SITE) ## Build the documentation as a site, build/docs/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

notebooks: $(INSTALLED) ## Execute the notebooks in place
	$(BIN)/python notebooks/execute.py

regrets: $(INSTALLED) ## Judge strategies of choosing intermediate tasks out of sample, two minutes; writes data/selection/regrets.csv
	$(BIN)/python -m taskorder.choosing

install-train: $(TRAINING) ## Add torch, transformers and Dask to .venv/, to train models and to test training

clean: ## Remove caches, kept fits and half-built reports; .venv/ stays
	rm -rf .pytest_cache .ruff_cache .hypothesis .import_linter_cache reports/build reports/fits models/fits dist build
	find . -path ./.venv -prune -o -path ./.venv-tools -prune -o -name __pycache__ -prune -exec rm -rf {} +

$(INSTALLED): requirements.lock pyproject.toml .python-version | $(UV)
	@echo "Setting up .venv/ with Python $$(cat .python-version) and the versions of requirements.lock: about a minute, once."
	@test -x $(BIN)/python || $(UV) venv --quiet --python "$$(cat .python-version)"
	@$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

$(TRAINING): requirements-train.lock $(INSTALLED)
	@echo "Adding torch and transformers to .venv/: a minute or two, once."
	@$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements-train.lock
	@touch $@

$(SITE): requirements-docs.lock $(INSTALLED)
	@echo "Adding MkDocs to .venv/: a few seconds, once."
	@$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements-docs.lock
	@touch $@

.venv-tools/bin/uv:
	@echo "There is no uv on PATH: putting one into .venv-tools/."
	@python3 -m venv .venv-tools
	@.venv-tools/bin/pip install --quiet uv
