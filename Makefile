# `make run` and `make test` install what is missing (scripts/setup) and then do what they say. ARGS goes to `mingjing demo`.
SHELL := bash
MAKEFLAGS += --no-print-directory
STAGE := scripts/stage

.PHONY: help run test bench soak lint build fmt clean

help:
	@echo 'make run     set up what is missing, build, start the demo county  (ARGS="--cameras 8 --seed 7")'
	@echo 'make test    set up what is missing, then lint and every test, the browser'"'"'s included'
	@echo 'make bench   the figures of a county with SCALE events, event intake, deadlines, cameras and consoles, beside their bounds (ROUNDS=5)'
	@echo 'make soak    a page of sixteen live pictures for an hour: drift, dropped pictures, memory  (MINUTES=60)'
	@echo 'make lint    formatting, clippy, licences, advisories, the pages'"'"' linter and types'
	@echo 'make build   the pages and the two programs'
	@echo 'make fmt     format the Rust code'
	@echo 'make clean   remove what was built (the database stays: scripts/timescaledb stop, then remove .mingjing)'

run:
	@scripts/run $(ARGS)

build:
	@scripts/setup build
	@scripts/pages
	@scripts/build

# The console embeds the pages, so they are built before anything that compiles it.
lint:
	@scripts/setup lint
	@scripts/pages
	@$(STAGE) 'rustfmt' cargo fmt --all --check
	@$(STAGE) 'clippy' cargo clippy --quiet --workspace --all-targets -- -D warnings
	@$(STAGE) 'licences and sources' cargo deny --log-level error check bans licenses sources
	@$(STAGE) 'advisories' scripts/advisories
	@$(STAGE) 'eslint' npm --prefix dashboard/web run --silent lint
	@$(STAGE) 'vue-tsc' npm --prefix dashboard/web run --silent typecheck

# Built once from nothing: what would make a second build quicker is gigabytes of disk.
test: export CARGO_INCREMENTAL := 0
test:
	@$(STAGE) 'set-up' scripts/setup test
	@$(STAGE) 'database' scripts/timescaledb start
	@$(STAGE) 'pages' scripts/pages
	@$(MAKE) lint
	@$(STAGE) 'tests of the pages' npm --prefix dashboard/web run --silent test
	@$(STAGE) 'build' scripts/build --workspace --all-targets
	@DATABASE_URL="$$(scripts/timescaledb url)" $(STAGE) 'tests' cargo nextest run --workspace --no-fail-fast
	@DATABASE_URL="$$(scripts/timescaledb url)" $(STAGE) 'tests in the browser' npm --prefix tests/browser run --silent test

# Of the programs as a county runs them. So many events are made up for the figures; they take 0.4 kilobytes each on the database's disk.
SCALE ?= 100000000
ROUNDS ?= 5
bench:
	@scripts/setup test
	@scripts/timescaledb start
	@scripts/pages
	@MINGJING_SCALE=$(SCALE) MINGJING_SCALE_ROUNDS=20 DATABASE_URL="$$(scripts/timescaledb url)" \
		cargo test --quiet --release --workspace --test console -- figures_of_a_large_county --nocapture
	@scripts/build --release --workspace --bins --examples
	@export DATABASE_URL="$$(scripts/timescaledb url)"; missed=0; \
		for part in supervisor cameras consoles; do "$${CARGO_TARGET_DIR:-target}/release/examples/$$part" $(ROUNDS) || missed=1; done; exit $$missed

MINUTES ?= 60
soak:
	@scripts/setup test
	@scripts/timescaledb start
	@scripts/pages
	@scripts/build --workspace
	@DATABASE_URL="$$(scripts/timescaledb url)" WALL_MINUTES=$(MINUTES) npm --prefix tests/browser run --silent test -- wall

fmt:
	@cargo fmt --all

clean:
	@cargo clean
	@rm -rf dashboard/web/dist dashboard/web/node_modules tests/browser/node_modules
