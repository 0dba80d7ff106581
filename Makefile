# The commands of this project. Each does all its own set-up: it installs what is missing, and says so before.
# The work is in tools/ and meson.build.

.PHONY: help run serve build test test-gui pictures sim demo demo-server bench fuzz check format install clean
MAKEFLAGS += --no-print-directory

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' Makefile | awk -F'|' '{ printf "  %-18s %s\n", $$1, $$2 }'

run: ## build, and chat with whoever is on the wire (ARGS='...' for flags)
	@tools/setup build run
	@tools/build release wireside
	@build/release/wireside $(ARGS)

serve: ## build, and start a server (ARGS='...' for its flags)
	@tools/setup build run
	@tools/build release wireside
	@build/release/wireside serve $(ARGS)

build: ## the program alone, as released: build/release/wireside
	@tools/setup build
	@tools/build release

test: ## everything that must pass, under the address and undefined-behaviour sanitizers (ONLY=PART of names)
	@tools/setup build test
	@tools/build test
	@tools/build fuzz
	@tools/run-tests $(addprefix --only ,$(ONLY)) build/test build/fuzz

test-gui: ## Wireshark's window with our profile, on a screen that nobody sees; pictures are left in build/gui
	@tools/setup build run test gui
	@tools/build test
	@WIRESIDE=build/test/wireside /usr/bin/python3 tests/gui/test_window.py

pictures: test-gui ## the pictures of docs/traces.md anew, so that they show what the program says today
	@tools/setup build run test gui pictures
	@tools/build release
	@tools/make-pictures

SEEDS = 10000
FROM = 1
sim: ## the simulation of peers with many seeds (SEEDS=10000, FROM=1)
	@tools/setup build test
	@tools/build test
	@tools/sim $(SEEDS) $(FROM) build/test

demo: ## two machines on one wire and the chat they make, printed as it happens
	@tools/setup build run test
	@tools/build release
	@WIRESIDE=build/release/wireside tools/demo

demo-server: ## the same with a server and clients of others
	@tools/setup build run test
	@tools/build release
	@WIRESIDE=build/release/wireside tools/demo-server

bench: ## measurements, in a release build (ONLY=NAME for one)
	@tools/setup build test bench
	@tools/build bench
	@tools/bench build/bench $(ONLY)

SECONDS = 300
fuzz: ## the fuzz targets for longer (SECONDS=300, ONLY=NAME for one)
	@tools/setup build test
	@tools/build fuzz
	@tools/fuzz $(SECONDS) build/fuzz/tests/fuzz/fuzz_$(or $(ONLY),*)

check: ## what CI refuses in the text of the source: layers, sizes, format, words
	@tools/setup build test
	@tools/check

format: ## format all C as .clang-format says
	@tools/setup build test
	@tools/check-format --fix

install: ## install the program (DESTDIR=..., as usual)
	@tools/setup build
	@tools/build release
	@meson install -C build/release --no-rebuild

clean: ## remove everything built
	rm -rf build
