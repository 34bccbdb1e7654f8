# On a bare Debian 12 with python3, make and git, `make demo` and `make test` do all the
# set-up themselves (scripts/setup.sh).
PYTHON ?= python3
BIN := .venv/bin
DATA ?= ../shared/data
MUTATE ?= ../shared/tools/mutate.py
SEED ?= 1

.PHONY: help demo test bench verify lint mutants docs lock verify-image clean

help:
	@echo "make demo          create a virtual patient, image its spikes, print what was found"
	@echo "make test          run the tests"
	@echo "make bench         short benchmarks on the data in DATA (default ../shared/data)"
	@echo "make verify        the long campaigns of docs/reliability.md: hours, partly as root"
	@echo "make lint          check style, formatting and types"
	@echo "make mutants       see which changes of core modules their tests notice (MUTATE, SEED)"
	@echo "make docs          rewrite the pages of the documentation that are made from the code"
	@echo "make lock          rewrite the lock files from pyproject.toml"
	@echo "make verify-image  build the container image from scratch and prove it (root, buildah)"
	@echo "make clean         remove the virtual environment, the demo and every cache"

.venv/.done: requirements.lock requirements-dev.lock pyproject.toml scripts/setup.sh \
		containers/system-libraries.txt
	PYTHON=$(PYTHON) scripts/setup.sh

demo: .venv/.done
	$(BIN)/spikefocus demo demo --run

# Two files at a time, each with one thread: most tests keep one core busy.
test: .venv/.done
	PATH="$$PATH:$(CURDIR)/.tools/bin" OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

# The benchmarks on DeepSIF's published geometry, of systems and outside of what was trained on, with the
# shipped weights and few recordings.
# The conventional methods' small matrices take up to four times as long with two threads.
bench: .venv/.done
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.deepsif.tables $(DATA) build/bench b1 b2 b4 \
		--n 100 --shipped-only --results build/bench
	for one in all_systems deepmeg_snr deepmeg_correlation deepmeg_times dst_dae fourlcnn music unet; do \
		OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.systems run $$one --quick \
		--results build/bench || exit 1; done
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.robustness build/bench --quick \
		--results build/bench

verify: .venv/.done
	$(BIN)/pytest -m campaign
	$(BIN)/python tests/reliability/fuzz.py -n 500 --commands 50
	$(BIN)/python tests/reliability/faults.py verify/faults --kills 20
	$(BIN)/python tests/reliability/faults.py verify/faults --kills 0 --full-disks 5 --read-only
	$(BIN)/python tests/reliability/soak.py verify/soak --participants 50
	$(BIN)/python tests/reliability/agreement.py verify/agreement -n 220

lint: .venv/.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Changes of core modules, one at a time, that their tests must notice. MUTATE: the script that
# makes them (PROJECT TARGETS --each N --seed N --python PYTHON). Works on a clone of what is committed.
mutants: .venv/.done
	rm -rf build/mutants
	git clone -q . build/mutants
	PYTHONPATH=$(CURDIR)/build/mutants $(BIN)/python $(MUTATE) build/mutants \
		tests/mutation_targets.toml --each 5 --seed $(SEED) --python $(BIN)/python

docs: .venv/.done
	$(BIN)/python -m bids_app.documentation

lock:
	scripts/lock.sh

verify-image:
	containers/verify.sh

clean:
	rm -rf .venv .tools demo verify build *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
