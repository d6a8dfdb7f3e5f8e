# The front door: every target does its own set-up, takes nothing for granted and says what it does.
#   make build    build/release/pear            make test     all tests, ends with CTest's summary
#   make demo     simulated weather -> scores    make example  real GFS winds -> scores
#   make bench    benchmark programs with ratios
#   make asan     tests under sanitizers         make minimal  build and test without CUDA, MPI, GRIB
#   make fuzz     decoders of untrusted input under libFuzzer, FUZZ_SECONDS (20) each
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build
JOBS ?= $(shell nproc)
.PHONY: build test demo example bench asan minimal fuzz check-format clean clean-deps

build: PRESET = release
build:
	@echo "== packages (installed if missing)"; scripts/setup.sh build test
	@echo "== configure build/$(PRESET) (LibTorch and ecCodes are fetched once into the cache)"
	@cmake --preset $(PRESET) > build-$(PRESET).log 2>&1 || { cat build-$(PRESET).log; rm -f build-$(PRESET).log; exit 1; }
	@grep -E '^-- (pear|Found CUDA)' build-$(PRESET).log || true; rm -f build-$(PRESET).log
	@echo "== build with $(JOBS) jobs"; cmake --build build/$(PRESET) -j $(JOBS)
	@build/$(PRESET)/pear --version

test: build
	@echo "== tests (those that need files from PEAR_TEST_DATA are skipped where it is absent)"
	@cd build/release && ctest --output-on-failure -j $(JOBS) -LE slow

minimal asan: export UBSAN_OPTIONS = halt_on_error=1:print_stacktrace=1
minimal asan: export LSAN_OPTIONS = suppressions=$(CURDIR)/tests/lsan_suppressions.txt:print_suppressions=0
minimal asan:
	@echo "== packages (installed if missing)"; scripts/setup.sh build test
	@cmake --preset $@ && cmake --build build/$@ -j $(JOBS)
	@cd build/$@ && ctest --output-on-failure -j $(JOBS) -LE slow

fuzz:
	@echo "== packages (installed if missing)"; scripts/setup.sh build test fuzz
	@cmake --preset fuzz > /dev/null && cmake --build build/fuzz --target fuzz_targets -j $(JOBS)
	@scripts/fuzz.sh

demo: build
	@scripts/demo.sh

example: build
	@scripts/example.sh

bench: build
	@scripts/setup.sh bench
	@cmake --preset release > /dev/null && cmake --build build/release -j $(JOBS) && scripts/bench.sh

clean:
	rm -rf build

clean-deps:
	@echo "== removing the cached libraries"; rm -rf "$${XDG_CACHE_HOME:-$$HOME/.cache}"/pear/deps-*
