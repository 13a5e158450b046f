# Everything goes into build/. A fresh Debian or Ubuntu needs Go, gcc and make.

BUILD    := build
PLUGIN   := $(BUILD)/flb-filter_misp.so
HOST     := $(BUILD)/host
SOURCES  := $(shell find . -name '*.go' -o -name '*.[ch]' -o -name '*.yaml' | grep -v '^./$(BUILD)/') go.mod go.sum
FUZZTIME ?= 60s
N        ?= 400000
ROUNDS   ?= 3

export CGO_ENABLED := 1

.DEFAULT_GOAL := build
.PHONY: help build test e2e demo bench bench-pipeline fuzz vet clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: $(PLUGIN) $(BUILD)/out_misp.so $(BUILD)/mispctl ## Build the plugin and mispctl into build/

test: vet $(HOST) $(PLUGIN) ## Run the tests, also with the race detector and in the C host
	go test ./...
	go test -race ./enrich/... ./rules/... ./misp/... ./cmd/...

e2e: build ## Run the real Fluent Bit with the plugin; fails where there is none
	go test -count=1 -timeout 5m -tags e2e ./test/e2e

demo: build $(HOST) ## Show a few alerts being enriched, with Fluent Bit if there is one
	@go run ./test/demo

bench: ## Run the benchmarks, six times each, for benchstat
	go test -run '^$$' -bench . -benchmem -count 6 ./enrich/... ./rules/... ./misp/... ./test

bench-pipeline: build ## Measure the real Fluent Bit with and without the filter (N alerts, ROUNDS)
	@go run ./test/pipeline -n $(N) -rounds $(ROUNDS)

fuzz: ## Run every fuzz test for FUZZTIME
	@for target in $$(grep -rl --include='*_test.go' '^func Fuzz' .); do \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\).*/\1/p' $$target); do \
			echo "$$(dirname $$target) $$name"; \
			go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) ./$$(dirname $$target) || exit 1; \
		done; \
	done

vet: ## Check formatting and vet
	@test -z "$$(gofmt -l .)" || { gofmt -d .; exit 1; }
	go vet ./... && go vet -tags e2e ./test/e2e

clean: ## Remove what was built
	rm -rf $(BUILD)

$(PLUGIN): $(SOURCES)
	go build -trimpath -buildmode=c-shared -ldflags '-s -w' -o $@ ./plugin
	rm -f $(@:.so=.h)

# Two names for one file: two copies would be two Go runtimes in one process.
$(BUILD)/out_misp.so: $(PLUGIN)
	ln -sf $(notdir $(PLUGIN)) $@

$(BUILD)/mispctl: $(SOURCES)
	go build -trimpath -ldflags '-s -w' -o $@ ./cmd/mispctl

$(HOST): $(wildcard test/host/*.[ch])
	@mkdir -p $(BUILD)
	$(CC) -std=c11 -O1 -g -Wall -Wextra -Werror -rdynamic -pthread -o $@ $(filter %.c,$^) -ldl
