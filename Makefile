# `make help` lists what there is. The work is done by CMake and ninja in build/.

APP ?= $(shell scripts/default-app)
PREFIX ?= /usr/local
DESTDIR ?=
BUILD ?= build
TYPE ?= RelWithDebInfo

.DEFAULT_GOAL := all
.PHONY: all help quickstart test sim install bench sanitize coverage format format-check clean

all: ## build; the programs land in build/bin
	@scripts/install-packages build
	@cmake -S . -B $(BUILD) -G Ninja -DCMAKE_BUILD_TYPE=$(TYPE) -DCMAKE_INSTALL_PREFIX=$(PREFIX) >$(BUILD).log 2>&1 \
	  || { cat $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log
	@ninja -C $(BUILD) --quiet
	@echo "built: $(BUILD)/bin/pawl (also as daprd and dapr)"

quickstart: all ## run the order-processor; APP=python, javascript, go or java
	@scripts/quickstart $(APP)

test: all ## build and run every test
	@scripts/install-packages test
	@scripts/run-tests $(BUILD)

sim: all ## simulate crashes; SEED= and STEPS= choose the run
	@$(BUILD)/bin/pawl-sim $(if $(SEED),--seed $(SEED)) $(if $(STEPS),--steps $(STEPS))

install: all ## install under DESTDIR and PREFIX
	@DESTDIR=$(DESTDIR) cmake --install $(BUILD) --prefix $(PREFIX)

bench: all ## measure; what is measured stands in bench/README.md
	@scripts/bench $(BUILD)

sanitize: ## all but the end-to-end tests under ASan and UBSan, then under TSan
	@scripts/install-packages build test
	@for kind in address,undefined thread; do \
	  dir=build-$$(echo $$kind | cut -d, -f1); \
	  cmake -S . -B $$dir -G Ninja -DCMAKE_BUILD_TYPE=Debug -DPAWL_SANITIZE=$$kind >/dev/null || exit 1; \
	  ninja -C $$dir --quiet || exit 1; \
	  ctest --test-dir $$dir -LE e2e --output-on-failure || exit 1; \
	done

coverage: ## lines and branches that these tests reach
	@scripts/install-packages build test coverage
	@cmake -S . -B build-coverage -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS=--coverage >/dev/null
	@ninja -C build-coverage --quiet
	@ctest --test-dir build-coverage -LE e2e --output-on-failure
	@gcovr --root . --filter src/ build-coverage --txt-metric line --print-summary

format: ## format the sources
	@clang-format -i $$(git ls-files '*.c' '*.h')

format-check: ## fail when a source is not formatted
	@clang-format --dry-run -Werror $$(git ls-files '*.c' '*.h')

clean: ## remove what was built
	@rm -rf build build-address build-thread build-coverage

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile
