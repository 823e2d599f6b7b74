# Breakwater: what people run. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
CLUSTER := target/cluster/cluster
CACHE := $(abspath target/cluster/cache)
SCENARIO ?= region-down

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

.PHONY: build
build: ## build the controller, the simulated world and the demo
	cargo build --workspace --bins

.PHONY: cluster
cluster: ## build kube-apiserver, kubectl and etcd from Go modules (the first time takes minutes)
	cd tests/cluster && go build -o ../../$(CLUSTER) .
	cd tests/cluster && ../../$(CLUSTER) build --cache $(CACHE)

.PHONY: demo
demo: cluster build ## play a night on a real API server: SCENARIO=region-down, partition, ...; KUBECONFIG=... uses that cluster
	target/debug/breakwater-demo --scenario $(SCENARIO)

.PHONY: test
test: check unit cluster-test e2e ## everything that CI runs: cheap checks first

.PHONY: check
check: ## format, clippy, crate boundaries, licences and TLS stacks, stale CRDs
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	tests/checks/run.sh

.PHONY: unit
unit: ## unit, property, wire and scenario tests
	cargo test --workspace --exclude breakwater-e2e

.PHONY: cluster-test
cluster-test: cluster ## tests of the control plane and its holding proxy
	cd tests/cluster && test -z "$$(gofmt -l .)" && go vet ./... && CLUSTER_CACHE=$(CACHE) go test -count=1 ./...

.PHONY: e2e
e2e: cluster build ## the real binaries on the real API server
	cargo test -p breakwater-e2e -- --test-threads=1

.PHONY: wire
wire: cluster build ## boto3, the Cloudflare SDK, the OpenAPI document and moto against the simulated providers (python3, PyPI)
	tests/wire/run.sh

.PHONY: mutants
mutants: ## show that each deliberate fault is caught by a named test
	tests/mutants/run.sh

.PHONY: soak
soak: ## random troubles in virtual time: SEEDS=100, or SEED=1234 to replay one; target/soak.json
	SEEDS=$(SEEDS) SEED=$(SEED) cargo run -p breakwater-scenarios --example soak

.PHONY: scenario
scenario: ## play one night in virtual time and print its transcript: NAME=deep-checks; without NAME: list them
	@cargo run -q -p breakwater-scenarios --bin scenario -- $(NAME)

.PHONY: outage
outage: ## a region dies under many shops of one class, in virtual time: SHOPS=1000 (some minutes)
	SHOPS=$(or $(SHOPS),1000) cargo test -p breakwater-scenarios many_shops -- --nocapture --test-threads=1

.PHONY: bench
bench: ## measure: target/bench/plan.json and target/bench/rig.json
	cargo run -p breakwater-rig --example bench

.PHONY: reference
reference: ## write docs/reference.md anew
	cargo run -q -p breakwater-controller -- reference > target/reference.md
	mv target/reference.md docs/reference.md

.PHONY: crds
crds: ## write crds/ anew
	cargo run -q -p breakwater-api --example crds -- crds
