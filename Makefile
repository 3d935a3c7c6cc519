# Two commands matter: `make book` and `make test`. Both set up .venv first.
PYTHON ?= python3
BIN := .venv/bin
TEXTS := $(wildcard notebooks/*.md)

.DEFAULT_GOAL := help
.PHONY: help book test lab notebooks lint clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

book: .venv/.ready ## execute the notebooks that changed and build the book at _build/html
	@$(BIN)/python book/build.py

test: .venv/.ready ## run the tests and the linters
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/python -m pytest

lab: notebooks ## open the notebooks in JupyterLab
	@$(BIN)/jupyter lab --notebook-dir=. notebooks

notebooks: .venv/.ready ## write the .ipynb forms beside the text notebooks, kept in step
	@$(BIN)/jupytext --quiet --sync $(TEXTS)

lint: .venv/.ready ## format and lint
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean: ## remove what was built (the environment stays)
	rm -rf _build output notebooks/*.ipynb notebooks/output

.venv/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 13) else "expected Python 3.11 or 3.12, got %d.%d: try make PYTHON=python3.12" % v)'
	@echo "setting up .venv (a few minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[measure,book,test]'
	@touch $@
