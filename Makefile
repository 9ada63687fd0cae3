# Packhouse: everything a person can do here. `make help` lists it.

SHELL := /bin/sh
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; break; }; done)
BIN := .venv/bin
WORKERS ?= 2
PYTEST_ARGS ?=
ARGS ?=
# What `make check` looks at production settings with; nothing is written but an empty folder.
DEPLOYED := DATA_DIR=var/check DEBUG=0 DATABASE_URL= REDIS_URL= PUBLIC_URL=https://packhouse.example \
	SECRET_KEY=only-for-the-check-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOP

.DEFAULT_GOAL := help
.PHONY: help run test check format bench shell messages lock install install-dev python

help: ## List every target
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

run: install ## Start Packhouse (web, worker, beat) and keep it running: http://127.0.0.1:8000
	@exec $(BIN)/python -m config.running

test: install-dev check ## Run every check and every test
	$(BIN)/pytest -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

check: install-dev ## Look at the code without running it: style, types, layers, migrations, templates, settings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(DEPLOYED) $(BIN)/python manage.py makemigrations --check --dry-run
	$(DEPLOYED) $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/djlint templates --check --lint --quiet

format: install-dev ## Bring code and templates into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/djlint templates --reformat --quiet

bench: install-dev ## Measure the heavy jobs and the list page against their limits (ARGS="..." goes to the command)
	$(BIN)/python -m tests.bench $(ARGS)

shell: install ## Open a Python shell with the models at hand
	@$(BIN)/python manage.py shell

messages: install-dev ## Collect texts for translation, bring the catalogues up to date, compile them
	$(BIN)/python -m config.messages collect
	$(BIN)/python -m config.messages compile

lock: install-dev ## Write the lock files anew from requirements*.in (UPGRADE=1 takes newer versions)
	@for name in requirements requirements-dev; do \
		UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
			--generate-hashes --no-emit-index-url $(if $(UPGRADE),--upgrade) $$name.in --output-file $$name.txt || exit 1; \
	done

install: python ## Make .venv and install what the product runs on (every target does it by itself)
	@$(PYTHON) config/installing.py

install-dev: python
	@$(PYTHON) config/installing.py --dev

python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and was not found on the PATH."; exit 1; }
