# Everything a person or a CI job does with this project. `make help` lists it.
#
#   PYTHON=python3.13   the interpreter to use (default: bin/setup-venv finds one)
#   VENV=.venv          the virtual environment, made when it is missing
#   PORT=5000           where `make run` listens
#   ARGS='-k nick'      more arguments for pytest or for the benchmark

PYTHON ?=
VENV ?= .venv
PORT ?= 5000
ARGS ?=
SECONDS ?= 30

# Tests start hundreds of processes, and each would compile all of chatd anew without it.
export PYTHONDONTWRITEBYTECODE :=

BIN := $(VENV)/bin
# One stamp for each set of installed packages, and for each PYTHON that was asked for.
ASKED := $(if $(PYTHON),-$(subst /,_,$(PYTHON)))
RUN := $(VENV)/.installed$(ASKED)
DEV := $(VENV)/.installed-dev$(ASKED)
BENCH := $(VENV)/.installed-bench$(ASKED)
FUZZ := $(VENV)/.installed-fuzz$(ASKED)
POSTGRES := $(VENV)/.postgres
BROWSER := $(VENV)/.browser
SETUP := PYTHON='$(PYTHON)' sh bin/setup-venv '$(VENV)'

# Six workers, since many tests wait. For a debugger: make test ARGS='-n 0 --pdb'
PYTEST := $(BIN)/python -m pytest -n 6 --dist worksteal

.PHONY: all run check lint format types test faults soak fuzz cover bench bench-quick docs clean help
.NOTPARALLEL:

all: check

run: $(RUN)  ## start a server and say how to join it (PORT=5000)
	@echo 'Starting chatd on port $(PORT); Ctrl-C stops it. To join, in another terminal:'
	@echo '    $(BIN)/chatcli -s localhost$(if $(filter-out 5000,$(PORT)), -p $(PORT)) -l NICK'
	@echo 'or in a browser:'
	@echo '    http://localhost:$(PORT)/'
	@echo 'or by hand, one command a line:'
	@echo '    nc localhost $(PORT)'
	@echo '    LOGIN NICK'
	@echo '    PUB hello everybody'
	@$(BIN)/chatd -p $(PORT) -v

check: lint types test  ## lint, types and test: what a change has to pass (the default)

lint: $(DEV)  ## look for mistakes and for unformatted code
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: $(DEV)  ## format the code and correct what can be corrected
	$(BIN)/ruff check --fix --exit-zero
	$(BIN)/ruff format

types: $(DEV)  ## check the types
	$(BIN)/mypy --strict

test: $(DEV) $(POSTGRES) $(BROWSER)  ## run the tests (ARGS='-k nick', ARGS='-m stress')
	$(PYTEST) $(ARGS)

faults: $(DEV)  ## have chatcheck find each fault of a hundred wrong servers and clients
	$(PYTEST) -m faults $(ARGS)

soak: $(DEV) $(POSTGRES) $(BROWSER)  ## ten thousand sessions, and kills under load, for minutes
	$(PYTEST) -n 4 -m soak -rA $(ARGS)

fuzz: $(FUZZ)  ## look for bytes that break something (SECONDS=30 for each target)
	$(BIN)/python tests/fuzz/run.py --seconds $(SECONDS) $(ARGS)

cover: $(DEV) $(POSTGRES) $(BROWSER)  ## run the tests and list the branches that none of them took
	$(PYTEST) --cov --cov-report term $(ARGS)

bench: $(BENCH)  ## measure the server against others, into bench/results/ (under 20 minutes)
	$(BIN)/python bench/run.py $(ARGS)

bench-quick: $(BENCH)  ## a few of its cases in one short round, to see that it works
	$(BIN)/python bench/run.py --quick $(ARGS)

docs: $(RUN)  ## rewrite the generated parts of the documentation
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/picture.py

clean:  ## remove everything that make made, the virtual environment too
	rm -rf build dist bench/build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .fuzz
	rm -rf .coverage .coverage.* htmlcov
	find chatd chatcli plugins tests bench docs -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
	if [ -f '$(VENV)/pyvenv.cfg' ]; then rm -rf '$(VENV)'; fi

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

# A changed setup.py installs again; a virtual environment made anew has lost its stamps.
$(RUN): setup.py
	@$(SETUP) web
	@touch $@

$(DEV): setup.py
	@$(SETUP) dev
	@touch $@

# Tests that need these skip without them, so that not having them stops nobody. Looked for again
# when they were not found.
$(POSTGRES): $(DEV)
	@sh bin/setup-postgres && touch $@ || true

$(BROWSER): $(DEV)
	@sh bin/setup-browser '$(VENV)' && touch $@ || true

$(BENCH): setup.py
	@$(SETUP) bench
	@touch $@

$(FUZZ): setup.py
	@$(SETUP) dev,fuzz
	@touch $@
