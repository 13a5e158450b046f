# Everything goes into build/. A fresh Debian or Ubuntu needs Go, gcc and make.

BUILD    := build
PLUGIN   := $(BUILD)/flb-filter_misp.so
HOST     := $(BUILD)/host
SOURCES  := $(shell find . -name '*.go' -o -name '*.[ch]' -o -name '*.yaml' -o -name '*.pgo' | grep -v '^./$(BUILD)/') go.mod go.sum
FUZZTIME ?= 60s
N        ?= 400000
ROUNDS   ?= 3
SOAK     ?= 30m

PACKAGES := $(BUILD)/packages
# Who builds packages for others says who they are: Debian wants an address.
MAINTAINER ?= The fluent-bit-misp authors <nobody@fluent-bit-misp.invalid>
NFPM     := github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.0

# Which build this is. Without a .git, as in what git archive makes, git has
# written the commit into version/commit.
GIT      := git --git-dir=.git
COMMIT   ?= $(shell $(GIT) rev-parse --short=8 HEAD 2>/dev/null || sed 's/^\$$.*/unknown/' version/commit)
COUNT     = $(shell $(GIT) rev-list --count HEAD 2>/dev/null || echo 0)
VERSION  ?= $(shell $(GIT) describe --tags --exact-match --match 'v[0-9]*' 2>/dev/null | sed 's/^v//' | grep . || echo 0.1.0-dev.$(COUNT).g$(COMMIT))
STAMP    := -X fluent-bit-misp/version.number=$(VERSION) -X fluent-bit-misp/version.commit=$(COMMIT)

export CGO_ENABLED := 1

.DEFAULT_GOAL := build
.PHONY: help build test e2e boundary chaos soak demo bench profile bench-pipeline fuzz packages test-packages test-readme vet clean force

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: $(PLUGIN) $(BUILD)/out_misp.so $(BUILD)/mispctl ## Build the plugin and mispctl into build/

# Some tests build the plugin and run it, of which Go does not know: it would say that
# they pass because they did with another plugin.
test: vet $(HOST) $(PLUGIN) ## Run the tests, also with the race detector and in the C host
	go test -count=1 ./...
	go test -race ./enrich/... ./rules/... ./misp/... ./cmd/...

e2e: build ## Run the real Fluent Bit with the plugin; fails where there is none
	go test -count=1 -timeout 5m -tags e2e ./test/e2e

# The sanitizer brings symbols of its own, does not run below valgrind, and takes
# the threads that a fork has lost for leaks.
boundary: ## Run the plugin in the C host with Go's check of cgo's rules and with AddressSanitizer
	GOEXPERIMENT=cgocheck2 go test -count=1 ./test/host
	go test -count=1 -skip 'TestSymbols|TestValgrind|TestRefused/.*daemon_mode' ./test/host -args -asan

chaos: boundary ## Have MISP, the network and the disk fail in every way, for long, while alerts flow
	go test -count=1 -timeout 20m -v ./test/chaos -args -long

soak: ## Switch faults at random for SOAK, and watch that nothing grows
	go test -count=1 -timeout 0 -v -run TestSoak ./test/chaos -args -soak $(SOAK)

demo: build $(HOST) ## Show a few alerts being enriched, with Fluent Bit if there is one
	@go run ./test/demo

bench: ## Run the benchmarks, six times each, for benchstat
	go test -run '^$$' -bench . -benchmem -count 6 ./enrich/... ./rules/... ./misp/... ./test

profile: ## Profile the engine anew, for the compiler of the plugin
	dir=$$(mktemp -d) && trap "rm -r $$dir" EXIT && \
	go test -trimpath -run '^$$' -bench Engine/ -benchtime 5s -cpuprofile $$dir/pgo -o $$dir/enrich.test ./enrich && \
	cp $$dir/pgo plugin/default.pgo

bench-pipeline: build ## Measure the real Fluent Bit with and without the filter (N alerts, ROUNDS)
	@go run ./test/pipeline -n $(N) -rounds $(ROUNDS)

# By default Go takes up to a minute to make a single new input smaller.
fuzz: ## Run every fuzz test for FUZZTIME
	@for target in $$(grep -rl --include='*_test.go' '^func Fuzz' .); do \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\).*/\1/p' $$target); do \
			echo "$$(dirname $$target) $$name"; \
			go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x ./$$(dirname $$target) || exit 1; \
		done; \
	done

packages: export VERSION := $(VERSION)
packages: export MAINTAINER := $(MAINTAINER)
packages: export SOURCE_DATE_EPOCH := $(shell git log -1 --format=%ct)
packages: build $(BUILD)/mispctl.1.gz ## Build the .deb and the .rpm, with checksums, into build/packages/
	rm -rf $(PACKAGES) && mkdir -p $(PACKAGES) $(BUILD)/completion
	CGO_ENABLED=0 go run ./packaging/sbom fluent-bit-misp $(VERSION) $(PLUGIN) $(BUILD)/mispctl > $(BUILD)/sbom.cdx.json
	for shell in bash zsh fish; do $(BUILD)/mispctl completion $$shell > $(BUILD)/completion/mispctl.$$shell || exit; done
	for kind in deb rpm; do CGO_ENABLED=0 go run $(NFPM) package -f packaging/nfpm.yaml -p $$kind -t $(PACKAGES) || exit; done
	cp $(BUILD)/sbom.cdx.json $(PACKAGES)/fluent-bit-misp_$(VERSION).cdx.json
	cd $(PACKAGES) && sha256sum * > SHA256SUMS

test-packages: packages ## Install, upgrade and remove .deb and .rpm in a fresh Debian (as root, with debootstrap and rpm)
	test/packages.sh $(PACKAGES)/*.deb
	test/packages.sh $(PACKAGES)/*.rpm

test-readme: packages ## Do what the README says, word by word, in a fresh Debian (as root, with debootstrap and a Fluent Bit)
	test/readme.sh $(PACKAGES)/*.deb

vet: ## Check formatting and vet
	@test -z "$$(gofmt -l .)" || { gofmt -d .; exit 1; }
	go vet ./... && go vet -tags e2e ./test/e2e
	CGO_ENABLED=0 GOARCH=arm64 go vet ./enrich/event

clean: ## Remove what was built
	rm -rf $(BUILD)

# The header makes it load where glibc is older than here. Nothing of the place
# or the time of the build goes into the file.
# Go's build cache looks at the flags, not into the header: hence its checksum.
$(PLUGIN): export CGO_CFLAGS  := -O2 -g -include $(CURDIR)/plugin/glibc.h -DGLIBC_H=$(firstword $(shell cksum < plugin/glibc.h))
$(PLUGIN): export CGO_LDFLAGS := -O2 -g -Wl,--no-as-needed -l:libpthread.so.0 -Wl,--as-needed
$(PLUGIN): $(SOURCES) $(BUILD)/stamp
	go build -trimpath -tags netgo -buildvcs=false -buildmode=c-shared -ldflags '-s -w -buildid= -B none $(STAMP)' -o $@ ./plugin
	rm -f $(@:.so=.h)

# Two names for one file: two copies would be two Go runtimes in one process.
$(BUILD)/out_misp.so: $(PLUGIN)
	ln -sf $(notdir $(PLUGIN)) $@

$(BUILD)/mispctl: export CGO_ENABLED := 0
$(BUILD)/mispctl: $(SOURCES) $(BUILD)/stamp
	go build -trimpath -buildvcs=false -ldflags '-s -w -buildid= $(STAMP)' -o $@ ./cmd/mispctl

# What the linker is told, so that another version is built anew.
$(BUILD)/stamp: force
	@mkdir -p $(BUILD)
	@echo '$(STAMP)' | cmp -s - $@ || echo '$(STAMP)' > $@

$(BUILD)/mispctl.1.gz: $(BUILD)/mispctl
	$< manual | gzip -9n > $@

$(HOST): $(wildcard test/host/*.[ch])
	@mkdir -p $(BUILD)
	$(CC) -std=c11 -O1 -g -Wall -Wextra -Werror -rdynamic -pthread -o $@ $(filter %.c,$^) -ldl
