# Every target sets up what it needs: a virtual environment with the locked dependencies.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
AGENT ?= scripted
KEEP ?=
# Without its bytecode each of the hundreds of processes of a test run compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo test check bench torture docs lock clean

setup: $(STAMP)

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
	  "Python 3.11 or newer is needed, and $(PYTHON) is not. Name another: make $(or $(MAKECMDGOALS),setup) PYTHON=python3.12" >&2; exit 1; }
	@echo "Setting up $(VENV) with the locked dependencies; once, it takes about a minute."
	@$(BIN)/python -c 'import pip' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $(STAMP)

demo: setup  ## the main job on a local GitHub, live; KEEP=1 leaves the servers up, AGENT=claude uses a real agent
	@$(BIN)/crewline demo --agent '$(or $(AGENT),scripted)' $(if $(filter-out 0 no,$(KEEP)),--keep)

check: setup  ## lint, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

test: check  ## everything
	@$(BIN)/pytest -n 4 --dist worksteal

bench: setup  ## one JSON of ratios and counts on standard output
	@$(BIN)/python -m tests.bench

torture: setup  ## crashes, bad networks, limits and fire, long and seeded; one JSON on standard output
	@$(BIN)/python -m tests.torture

docs: setup  ## write the tables of docs/ from the code
	@$(BIN)/python -m scripts.write_docs

lock: setup  ## renew the locked dependencies after an edit of pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip compile pyproject.toml --extra dev --no-header --generate-hashes --universal --no-strip-extras --upgrade -q -o requirements/dev.txt
	@$(BIN)/uv pip compile pyproject.toml --no-header --generate-hashes --universal --no-strip-extras --upgrade -q -o requirements/runtime.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
