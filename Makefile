# `make demo` runs the sample, `make test` everything that is tested; both do their own set-up on a fresh machine.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO := cargo
LOCKED := --locked
VENV := target/sample-venv
SAMPLE := templates/init/python/app
IMAGES_LOG := target/images.log
# The older versions of Dapr that scenarios try come last: each takes minutes where nothing is there yet.
TESTED_IMAGES := default dapr-1.16.0 dapr-1.14.4
# End-to-end scenarios wait more than they compute: two at once fit two cores.
E2E_THREADS := 2

.PHONY: help demo test bench engine images build check unit sample-tests e2e images-begin images-end clean

help: ## Show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s "$$(printf '\t')"

demo: engine images build ## Run the sample; DETACH=1 returns when it is ready
ifdef DETACH
	@target/release/sandbox up --detach
	@printf '\nTry it:\n'
	@url="$$(target/release/sandbox status --json | sed -E 's/.*"url":"([^"]*)".*/\1/')"; printf '  %s\n' \
	  "curl -s -d '{\"text\":\"tea\",\"in_seconds\":1}' $$url/reminders" \
	  "curl -s $$url/reminders/ID        # the id of the answer: delivered, fired once" \
	  'target/release/sandbox status                     # what runs, and what the sidecar has loaded' \
	  'target/release/sandbox down -v                    # remove all of it'
else
	@target/release/sandbox up
endif

test: engine images-begin check unit sample-tests images-end e2e ## Run every test; what can fail fast comes first

check: ## Format and lints
	$(CARGO) fmt --check
	$(CARGO) clippy $(LOCKED) --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc $(LOCKED) --no-deps --document-private-items --quiet

unit: ## Everything that needs no engine
	$(CARGO) test $(LOCKED) --lib --bins --test architecture --test config_ui --test cli

sample-tests: $(VENV)/installed ## The sample's own tests
	cd $(SAMPLE) && $(CURDIR)/$(VENV)/bin/python -m pytest -q -p no:cacheprovider --ignore tests/test_real_daprd.py

e2e: engine ## Scenarios on a real engine with real brokers, daprd and Postgres
	SANDBOX_E2E=1 $(CARGO) test $(LOCKED) --test e2e -- --test-threads=$(E2E_THREADS)

bench: engine images build ## Measure beside docker compose; RUNS=10, ONLY=up,noop,down,help,idle,memory,reload,swap,logs
	tests/bench/compose.sh
	python3 tests/bench/bench.py

engine: ## Make sure that a Docker engine answers
	@tests/images/engine.sh

images: engine ## Make sure that every image can be had; where no registry answers they are built
	@tests/images/build.sh

# Images are built while Rust is compiled and tested: neither needs the other before the scenarios.
images-begin: engine
	@mkdir -p target; rm -f $(IMAGES_LOG).exit
	@(tests/images/build.sh $(TESTED_IMAGES) >$(IMAGES_LOG) 2>&1; echo $$? >$(IMAGES_LOG).exit) & disown

images-end:
	@until [ -e $(IMAGES_LOG).exit ]; do sleep 1; done; cat $(IMAGES_LOG); exit "$$(cat $(IMAGES_LOG).exit)"

build: ## The binary, target/release/sandbox
	$(CARGO) build $(LOCKED) --release --quiet

$(VENV)/installed: $(SAMPLE)/requirements.txt $(SAMPLE)/requirements-dev.txt
	@python3 -m venv $(VENV) 2>/dev/null || { apt-get install -y -qq python3-venv >/dev/null && python3 -m venv $(VENV); }
	@$(VENV)/bin/pip install --quiet -r $(SAMPLE)/requirements-dev.txt
	@touch $@

clean: ## Remove what was built
	$(CARGO) clean
