# AI Forge. `make help` lists the targets.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
export DO_NOT_TRACK := 1

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 20

.PHONY: up
up: setup build ## Set everything up, start the server on embedded defaults, run the demo
	@bin/forge up

.PHONY: down
down: ## Stop the server that make up started
	@bin/forge down

.PHONY: test
test: setup browser ## All tests that need no server of their own: Go, trainer, studio, end to end
	@deploy/test.sh

.PHONY: test-servers
test-servers: setup servers ## The same promises on PostgreSQL, Redis, Apache Kafka and S3; fails on a skip
	@deploy/test-servers.sh

.PHONY: setup
setup: onnxruntime trainer ui ## Fetch and build what is pinned: ONNX Runtime, trainer, studio

.PHONY: build
build: ## Build bin/forge
	@go build -ldflags='-s -w' -o bin/forge ./cmd/forge

.PHONY: onnxruntime trainer ui servers browser
onnxruntime: ## Fetch the ONNX Runtime library
	@deploy/setup/onnxruntime.sh
trainer: ## Make the trainer's Python environment
	@deploy/setup/python.sh
ui: ## Build the studio
	@deploy/setup/studio.sh
servers: ## Install the servers that make test-servers starts
	@deploy/setup/servers.sh
browser: ## Install the browser that the studio's tests drive
	@command -v chromium >/dev/null || deploy/setup/browser.sh

.PHONY: bench
bench: ## Measure beside the peers (Feast, DuckDB, MLServer, …) into docs/bench; AREA=ingest for one area
	@deploy/bench.sh

.PHONY: race
race: ## Packages with goroutines under the race detector, without those that link DuckDB
	@deploy/race.sh

.PHONY: size
size: build ## Where the bytes of bin/forge are, by module
	@python3 deploy/size.py bin/forge

.PHONY: longrun
longrun: setup ## The loop for hours (DURATION=2h): does what the server takes level out?
	@deploy/longrun.sh

.PHONY: fuzz
fuzz: ## Run every fuzz target for 60 s
	@deploy/fuzz.sh

.PHONY: soak
soak: setup ## The demo's flow under 320 seeded faults; FAULTS and SEED change it
	@deploy/soak.sh

.PHONY: generate
generate: ## Make generated files again: the studio's API types, docs/cli.md
	@go run ./cmd/forge openapi > ui/web/openapi.json
	@cd ui/web && npm run --silent generate
	@go run ./cmd/forge reference > docs/cli.md.new && mv docs/cli.md.new docs/cli.md

.PHONY: lint
lint: ## Format check and vet
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo 'run: gofmt -w .'; exit 1; }
	@go vet ./...

.PHONY: clean
clean: ## Remove what was built; keeps the data folder
	rm -rf bin ui/web/dist/app
