# `make demo` and `make test`, each alone, set up a fresh clone and do their job.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# What the installed package is made of: a new file means a new install, an edited one does not.
FILES  := $(wildcard pipeline/*.py pipeline/*/*.py pipeline/*/*/*.py filters/*.py filters/*/*.py manifests/*.py configs/*.py configs/* configs/*/* configs/*/*/*)
TREE   := $(VENV)/.tree

.PHONY: demo test lint types install lock clean

demo: install
	$(BIN)/prep demo

test: install lint types
	$(BIN)/python -m pytest -n auto --dist worksteal

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy -p prep
	$(BIN)/mypy tests

install: $(STAMP)
	@echo '$(sort $(FILES))' | cmp -s - $(TREE) || { \
	  $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation \
	    --config-settings editable_mode=strict --editable . && echo '$(sort $(FILES))' > $(TREE); }

$(STAMP): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	rm -f $(TREE)
	touch $@

lock:
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --quiet --output-file requirements.lock

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis demo-run
