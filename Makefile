# `make help` lists what there is. The work is done by CMake and ninja in build/.

APP ?= c
PREFIX ?= /usr/local
DESTDIR ?=
BUILD ?= build
TYPE ?= RelWithDebInfo
NEEDS = build

.DEFAULT_GOAL := all
.PHONY: all help quickstart test fresh-check conformance sim sim-campaign sim-mutants fault-campaign kill-campaign server-campaign daemon-campaign jaeger install uninstall bench bench-check bench-record bench-servers flame sanitize valgrind fuzz fuzz-smoke coverage format format-check clean

all: ## build; the programs land in build/bin
	@scripts/install-packages $(NEEDS)
	@scripts/live "configuring" cmake -S . -B $(BUILD) -G Ninja -DCMAKE_BUILD_TYPE=$(TYPE) \
	  -DCMAKE_INSTALL_PREFIX=$(PREFIX) $(if $(filter test,$(NEEDS)),-DBUILD_TESTING=ON)
	@scripts/live "building" ninja -C $(BUILD)
	@echo "built: $(BUILD)/bin/pawl (also as daprd and dapr)"

quickstart: ## run the order-processor; APP=c, python, javascript, go, java or csharp
	@scripts/tools $(APP)
	@$(MAKE) --no-print-directory all
	@scripts/quickstart $(APP)

# What these build needs the packages of the tests, too.
test conformance sim sim-campaign sim-mutants fault-campaign kill-campaign server-campaign daemon-campaign jaeger: NEEDS = build test

test: all ## build and run every test; TESTS= those of this name
	@scripts/run-tests $(BUILD) $(TESTS)

conformance: all ## run the tests of each feature of Dapr Workflow (after make jaeger: its, too), and print a table; FEATURE= one, REST=1 what has not passed, WRITE=1 into docs/compatibility.md
	@PAWL_LIMITS_ON_SERVERS=1 /usr/bin/python3 -B tests/conformance.py --build $(abspath $(BUILD)) $(if $(REST),--rest) $(if $(WRITE),--write) $(if $(FEATURE),"$(FEATURE)")

fresh-check: ## try what the README says on a bare Debian in a temporary folder; as root, half an hour
	@scripts/install-packages fresh
	@scripts/fresh-check

sim: all ## simulate a minute of trouble; SEED= and STEPS= choose one world
	@$(BUILD)/bin/pawl-sim $(if $(SEED)$(STEPS),--runs 1,--seconds 60) $(if $(SEED),--seed $(SEED)) \
	  $(if $(STEPS),--steps $(STEPS))

sim-campaign: all ## simulate until 1,000,000 crash points are passed, on all cores; SEED= begins elsewhere
	@$(BUILD)/bin/pawl-sim --points $(or $(POINTS),1000000) --jobs $$(nproc) --progress $(if $(SEED),--seed $(SEED))

sim-mutants: ## put bugs back one at a time; the simulator has to find each
	@scripts/install-packages $(NEEDS)
	@scripts/sim-mutants

fault-campaign: all ## disks that fail and power that is cut; SEED=, SECONDS=
	@$(BUILD)/bin/store_faults --seconds $$(( $(or $(SECONDS),600) / 2 )) $(if $(SEED),--seed $(SEED)) --steps 20
	@PAWL_FAULT_SECONDS=$$(( $(or $(SECONDS),600) / 2 )) PAWL_SEED=$(SEED) /usr/bin/python3 -B tests/sdk/test_faults.py $(BUILD)/bin

kill-campaign: all ## kill -9 of the daemon under Go and Python workers; SEED=, SECONDS=
	@PAWL_BUILD=$(abspath $(BUILD)) PAWL_KILL_SECONDS=$(or $(SECONDS),600) PAWL_SEED=$(SEED) /usr/bin/python3 -B tests/e2e/test_kills.py

server-campaign: all ## limits of an app, then three daemons, on a PostgreSQL and a Redis that are killed, cut off and promoted; SEED=, SECONDS=, SERVER=
	@PAWL_BUILD=$(abspath $(BUILD)) PAWL_LIMITS_ON_SERVERS=1 /usr/bin/python3 -B tests/e2e/test_limits.py -k OnPostgres -k OnRedis
	@PAWL_BUILD=$(abspath $(BUILD)) PAWL_SERVER_SECONDS=$(or $(SECONDS),300) PAWL_SEED=$(SEED) $(if $(SERVER),PAWL_SERVER=$(SERVER)) /usr/bin/python3 -B tests/e2e/test_servers.py

daemon-campaign: all ## the same where only daemons are killed, stopped, ended and cut off, or their clocks moved, also on one SQLite file: ten minutes for each store; SERVER= one of postgres, redis, file
	@PAWL_BUILD=$(abspath $(BUILD)) PAWL_SERVER_TROUBLE=daemons PAWL_SERVER_SECONDS=$(or $(SECONDS),600) PAWL_SEED=$(SEED) $(if $(SERVER),PAWL_SERVER=$(SERVER)) /usr/bin/python3 -B tests/e2e/test_servers.py

jaeger: all ## build Jaeger from Go's registry, some minutes, and test that it gets our traces
	@scripts/jaeger $(abspath $(BUILD))/jaeger
	@PAWL_BUILD=$(abspath $(BUILD)) /usr/bin/python3 -B tests/e2e/test_traces.py RealJaeger

install: all ## install under DESTDIR and PREFIX; NAMES=pawl leaves out the names daprd and dapr
	@DESTDIR="$(DESTDIR)" NAMES="$(NAMES)" cmake --install $(BUILD) --prefix $(PREFIX)
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" -ne 0 ] || ldconfig # or programs do not find libpawl.so

uninstall: ## remove what was installed under DESTDIR and PREFIX
	@scripts/uninstall "$(DESTDIR)" "$(PREFIX)"
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" -ne 0 ] || ldconfig

bench: all ## measure; what is measured stands in bench/README.md
	@scripts/bench $(BUILD)

bench-check: all ## measure a little, and compare with the last stored result
	@scripts/bench $(BUILD) check

bench-record: all ## the same, and store the result in bench/results
	@scripts/bench $(BUILD) record

bench-servers: all ## measure workflows on a PostgreSQL and a Redis, beside their bounds: three minutes
	@PAWL_BUILD=$(abspath $(BUILD)) /usr/bin/python3 -B bench/servers $(if $(SERVER),$(SERVER))

flame: all ## draw where processor time goes, embedded and in the daemon; FOLDER= of the pictures
	@scripts/bench $(BUILD) flame $(or $(FOLDER),$(BUILD))

sanitize: ## all but the end-to-end tests under ASan and UBSan, then under TSan
	@scripts/install-packages build test
	@for preset in asan tsan; do \
	  cmake --preset $$preset >/dev/null && cmake --build --preset $$preset -- --quiet || exit 1; \
	  ctest --preset $$preset || exit 1; \
	done

valgrind: ## tests of engine, runtime, stores and pawl.h under valgrind
	@scripts/install-packages build test valgrind
	@cmake --preset valgrind >/dev/null && cmake --build --preset valgrind -- --quiet
	@scripts/valgrind build-valgrind

fuzz-smoke: build-fuzz ## fuzz each target for a minute; SECONDS= for another time
	@scripts/fuzz smoke $(SECONDS)

fuzz: build-fuzz ## fuzz one target for an hour; TARGET=http2, SECONDS=
	@scripts/fuzz campaign "$(TARGET)" $(SECONDS)

.PHONY: build-fuzz
build-fuzz:
	@scripts/install-packages build fuzz
	@cmake --preset fuzz >/dev/null && cmake --build --preset fuzz -- --quiet

coverage: ## lines and branches that all but the end-to-end tests reach
	@scripts/install-packages build test coverage
	@cmake --preset coverage >/dev/null && cmake --build --preset coverage -- --quiet
	@ctest --preset coverage
	@scripts/coverage build-coverage

format: ## format the sources
	@scripts/install-packages format
	@clang-format -i $$(git ls-files '*.c' '*.h' '*.cpp')

format-check: ## fail when a source is not formatted
	@scripts/install-packages format
	@clang-format --dry-run -Werror $$(git ls-files '*.c' '*.h' '*.cpp')

clean: ## remove what was built
	@rm -rf $(BUILD) build-debug build-address build-thread build-coverage build-fuzz build-valgrind

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' Makefile
