# People and CI run the same targets. Set-up happens once: a stamp in the virtual environment is written last, so
# an interrupted set-up is simply done again.
PYTHON ?= python3
VENV   ?= .venv
# PyTorch goes in before anything that depends on it, so that the build chosen here is the one that is kept.
TORCH  ?= torch==2.13.0

# Tests run in as many processes as there are cores, but four are enough.
PYTEST := -m pytest -n auto --maxprocesses 4 --dist loadgroup
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-core check format bench pictures clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP) ## make the virtual environment in .venv and install headstock into it

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "headstock needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; say which one to use: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv --clear $(VENV)
	touch $@

$(STAMP): $(VENV)/.created pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(TORCH)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[training,dev]'
	touch $@

demo: $(STAMP) ## tune a small image classifier: 20 trials, best parameters, one HTML report
	$(BIN)/headstock demo

test: $(STAMP) ## run every test
	$(BIN)/python $(PYTEST)

# The core needs no PyTorch: this environment has none, so what imports it by mistake fails here. A browser does not
# mind which Python serves it.
test-core: $(VENV)-core/.ready ## run the core's tests without PyTorch: make test-core PYTHON=python3.13
	$(VENV)-core/bin/python $(PYTEST) -m "not torch" --ignore tests/browser --ignore tests/benchmarks

$(VENV)-core/.ready: pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)-core
	$(VENV)-core/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

check: $(STAMP) ## ruff, mypy --strict, import-linter
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## format the code and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP) ## seconds of the import and of each suggestion, and the engine's sanity figures
	$(BIN)/python benchmarks/speed/import_time.py
	$(BIN)/python benchmarks/speed/suggest.py
	$(BIN)/python benchmarks/speed/command.py
	$(BIN)/python benchmarks/scale/storage.py
	rm -f benchmarks/regret/sanity.jsonl
	$(BIN)/python benchmarks/regret/race.py --libraries random sobol headstock --problems branin hartmann6 ackley8 training \
	  --seeds 20 --trials 30 --processes 2 --out benchmarks/regret/sanity.jsonl
	$(BIN)/python benchmarks/regret/tables.py benchmarks/regret/sanity.jsonl --at 30

pictures: $(STAMP) ## take the README's pictures anew; needs Chromium
	PYTHONPATH=tests $(BIN)/python -m browser.pictures docs/images

clean: ## remove the virtual environments and caches
	rm -rf $(VENV) $(VENV)-core .pytest_cache .mypy_cache .ruff_cache .hypothesis
