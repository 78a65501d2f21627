# The short front door. `make demo` and `make test` are all that a fresh machine needs.

CARGO ?= cargo
CACHE ?= $(or $(SUPERCARGO_CACHE),$(HOME)/.cache/supercargo)
FUZZ_SECONDS ?= 60
SUITES ?= ../shared/suites

.PHONY: help demo build test test-rego lint interop bench bench-images bench-micro bench-counts bench-counts-record fuzz audit schemas clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 22

demo: ## build the release binary, make an image of it, scan, attest, verify, fetch, and tamper
	@sh tests/demo.sh

build: ## the release binary, with its dependency list embedded
	@sh tests/build.sh

test: ## all tests; no root, network or server needed
	$(CARGO) test --workspace --locked --quiet

test-rego: ## the Rego rules of policies, which the default build leaves out
	$(CARGO) test --locked --quiet -p supercargo-attest --features rego --lib rego
	$(CARGO) test --locked --quiet -p supercargo --features rego --test all rego

lint: ## formatting, clippy, licences and sources
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked --quiet -- -D warnings
	$(CARGO) clippy -p supercargo-registry --features fuzzing --locked --quiet -- -D warnings
	@sh tests/deny.sh

interop: build ## against real installers, registries, cosign and a private Sigstore (root)
	@SUPERCARGO=$${CARGO_TARGET_DIR:-$(CURDIR)/target}/release/supercargo bash tests/interop/run.sh

bench: ## beside the floor and every peer found, over IMAGES (all seven by default; root, PEERS=DIR, PAIRS=1)
	@IMAGES="$(IMAGES)" PEERS="$(PEERS)" PAIRS="$(PAIRS)" ONLY="$(ONLY)" sh tests/bench/run.sh

bench-images: ## build IMAGES for `make bench` into the cache (root)
	@sh testdata/images/bench/build.sh $(CACHE)/bench $(IMAGES)

bench-micro: ## each step alone, in bytes per second
	$(CARGO) bench --locked --quiet -p supercargo-bench --bench micro

bench-counts: ## instructions of three fixed inputs, against the record
	@sh tests/bench/counts.sh

bench-counts-record: ## write that record anew
	@sh tests/bench/counts.sh --write

fuzz: ## every fuzz target for FUZZ_SECONDS each
	@sh fuzz/run.sh $(FUZZ_SECONDS)

audit: ## the advisory database (needs a network)
	$(CARGO) deny check advisories

schemas: ## derive schemas/ from the official files in SUITES
	$(CARGO) run --locked --quiet -p supercargo-xtask -- schemas $(SUITES) schemas

clean:
	rm -rf target demo
