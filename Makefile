# Every target sets up what it needs. Wanted on the machine: Python 3.11+ and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/ready

.PHONY: help ready demo test lint peers bench soak lock clean

help:
	@echo "make ready   set up .venv, and no more"
	@echo "make demo    start a small simulated plant, pull it, change it, see exactly what changed"
	@echo "make test    the test suite"
	@echo "make lint    ruff, mypy --strict, import-linter"
	@echo "make peers   our drivers and simulators judged by other people's servers and clients"
	@echo "make bench   ratios against other implementations, in one run on the same data"
	@echo "make soak    kill -9 during pulls and restores, N times (make soak N=500)"
	@echo "make lock    resolve the pinned versions anew (requirements.lock)"

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "goldcopy needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

ready: $(READY)

demo: $(READY)
	@$(BIN)/goldcopy demo

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

peers: $(READY)
	PYTHON=$(BIN)/python tests/peers/setup
	$(BIN)/python -m pytest tests/peers

bench: $(READY)
	PYTHON=$(BIN)/python tests/peers/setup
	$(BIN)/python -m benchmarks

soak: $(READY)
	$(BIN)/python -m pytest tests/core/test_kill.py tests/core/test_restore_kill.py \
		tests/drivers/test_restore_kill_drivers.py tests/drivers/test_restore_kill_again.py \
		tests/drivers/test_restore_kill_s7_blocks.py tests/cli/test_killed_pull.py --kills $(or $(N),500) --timeout 0

lock:
	$(PYTHON) -m venv .lock-venv
	.lock-venv/bin/python -m pip install --quiet uv
	.lock-venv/bin/uv pip compile --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --extra dev pyproject.toml -o requirements.lock
	rm -rf .lock-venv

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
