# `make book` and `make test` set up .venv first.
PYTHON ?= python3
BIN := .venv/bin
RUN ?= run
MEASURES ?= benchmarks shape-bias spectral-bias critical-band adversarial
TEXTS := $(wildcard lab/*.md notebooks/*.md notebooks/measure/*.md)

# Modules start in the order of tests/conftest.py, the slowest first. A process takes up to 2 GB of memory.
PARALLEL ?= --numprocesses=logical --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

FAST := tests/bvg/kernels tests/bvg/instruments tests/bvg/results tests/bvg/datasets/test_index.py tests/bvg/datasets/test_layouts.py tests/bvg/measure/test_run_folder.py bvg/results bvg/study.py bvg/measure/ranges.py

.DEFAULT_GOAL := help
.PHONY: help book pdf test check bench gpu bench-book lab notebooks measure report miniature-zoo lint clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

book: .venv/.ready ## run the notebooks that changed and build the book at _build/html
	@cd book && ../$(BIN)/python -m builder

pdf: book ## print the book as one PDF, _build/book.pdf (needs Chromium)
	@cd book && ../$(BIN)/python -m builder.pdf

test: .venv/.ready ## run the linters, the import rules and the tests, a module at a time on each core
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo --no-cache
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PARALLEL) --durations=10

check: .venv/.ready ## run the linters, the import rules and the fast tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo --no-cache
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(FAST)

bench: .venv/.ready ## measure the speed of each part on this device, into book/benchmarks/ (on an idle machine)
	@$(BIN)/python -m bvg.bench --networks EfficientNet-Lite0=companion.demo:efficientnet_lite0

gpu: .venv/.ready ## prove that this device measures as the CPU does, then measure it: book/benchmarks/ (OPTIONS="--only proofs --out folder")
	@$(BIN)/python -m bvg.bench --prove $(OPTIONS)

bench-book: .venv/.ready ## measure how long building the book takes, into book/build-times.json (on an idle machine)
	@cd book && ../$(BIN)/python -m builder.times

lab: notebooks ## open the notebooks in JupyterLab, at a page that says what to try first
	@$(BIN)/jupyter lab --notebook-dir=. lab/start.ipynb

notebooks: .venv/.ready ## write an .ipynb next to each text notebook; both stay in sync
	@$(BIN)/jupytext --quiet --sync $(TEXTS)

# MODELS is split into words like a shell command: "a=x.pth 'b=my models/y.pth'".
measure: export MODELS := $(MODELS)
measure: export DATA := $(DATA)
measure: export RUN := $(RUN)
measure: notebooks ## measure MODELS="tv_resnet50 mine=best.pth" on DATA=folder into RUN=folder
	@test -n "$$MODELS" && test -n "$$DATA" || { echo 'expected MODELS and DATA, as in: make measure MODELS="tv_resnet50 mine=best.pth" DATA=/data' >&2; exit 2; }
	@mkdir -p "$$RUN"
	@parameters=$$($(BIN)/python -c 'import json, os, shlex; given = os.environ; print(json.dumps({"models": shlex.split(given["MODELS"]), "data": given["DATA"], "out": given["RUN"]}))') && \
	for page in $(MEASURES); do \
	  echo "$$page -> $$RUN/$$page.ipynb"; \
	  $(BIN)/papermill notebooks/measure/$$page.ipynb "$$RUN/$$page.ipynb" --log-level ERROR $(OPTIONS) -y "$$parameters" || exit 1; \
	done

report: measure ## measure MODELS="mine=best.pth" on DATA=folder and report on each: RUN/report-ID.html
	@cd book && ../$(BIN)/python -m builder.report "$(abspath $(RUN))"

miniature-zoo: .venv/.ready ## train the miniature's networks that have no weights yet (or NAMES=...), measure the interventions
	@$(BIN)/python -m bvg.miniature.train $(NAMES)
	@cd book && ../$(BIN)/python -m companion.analysis.interventions ../_build/interventions

lint: .venv/.ready ## format and lint
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean: ## remove build results (the environment stays)
	rm -rf _build output lab/*.ipynb notebooks/*.ipynb notebooks/*/*.ipynb notebooks/output notebooks/measure/run

.venv/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v >= (3, 11) else "expected Python 3.11 or newer, got %d.%d: try make PYTHON=python3.12" % v)'
	@echo "setting up .venv (a few minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[measure,book,test]'
	@touch $@
