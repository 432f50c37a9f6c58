PYTHON ?= python3
READY  := .venv/.ready
PART   ?= clone-kills
# Most tests wait for servers, clocks and other processes: three workers to each of CI's cores.
WORKERS ?= 6
RUN    := .venv/bin/python -m

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint docs bench soak judges lock clean

help:             ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## */\t/' | expand -t 10

setup: $(READY)   ## make .venv; then .venv/bin/lakeferry runs

$(READY): requirements/dev.txt requirements/uv.txt pyproject.toml scripts/bootstrap.py
	@$(PYTHON) scripts/bootstrap.py

demo: $(READY)    ## see a small lake cross and a stream come in, on this machine
	@.venv/bin/lakeferry demo $(ARGS)

test: $(READY)    ## run every test; ARGS="-k name" for some
	@$(RUN) pytest -n $(WORKERS) $(ARGS)

lint: $(READY)    ## style, types, layers, generated docs
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy
	@.venv/bin/lint-imports
	@.venv/bin/shellcheck src/lakeferry/monitor/nat/*.sh .ci/run
	@$(RUN) scripts.make_docs --check

docs: $(READY)    ## write the generated pages and the tree in ARCHITECTURE.md
	@$(RUN) scripts.make_docs

bench: $(READY)   ## measure; ARGS="--list" to see what, ARGS="name" for one
	@$(RUN) bench $(ARGS)

soak: $(READY)    ## one long test: make soak PART=clone-kills
	@$(RUN) tests.soak --part $(PART) $(ARGS)

judges: $(READY)  ## install the servers and readers that judge us, into the cache folder
	@.venv/bin/python scripts/install_servers.py

lock: $(READY)    ## choose new versions of everything: rewrites requirements/*.txt
	@$(PYTHON) scripts/bootstrap.py lock

clean:            ## remove what make made
	@rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache lakeferry-demo
