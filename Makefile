# Each target only calls tools. setup installs what a bare Debian 12 lacks.
GO_UI_TAGS = gles,migrated_fynedo,no_emoji
# Fyne without a window: no OpenGL to build.
GO_TEST_TAGS = ci,no_glfw
# SQLite then writes what it must and no times of files besides: a tenth less for the memory card.
export CGO_CFLAGS = -O2 -g -DHAVE_FDATASYNC=1

.PHONY: demo test lint bench build setup torture exactly-once

demo: build-daemon
	@if [ -n "$$DISPLAY" ]; then $(MAKE) build-ui && bin/kioskd demo; else bin/kioskd demo --headless; fi

# The last line says how many tests passed, failed and were skipped, and why. A package may take as long as
# it needs: what stands still is found by each test's own progress. Six at a time, because most wait for devices.
GOTESTSUM = go run gotest.tools/gotestsum@v1.13.0 --format pkgname --
test: setup
	$(GOTESTSUM) -race -tags $(GO_TEST_TAGS) -timeout 60m -parallel 6 ./...
	$(GOTESTSUM) -tags $(GO_TEST_TAGS) ./ui/screens ./config

lint: setup
	test -z "$$(gofmt -l .)"
	go vet -tags $(GO_TEST_TAGS) ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.6.1 -tags $(GO_TEST_TAGS) ./...
	scripts/govulncheck

# Every fuzz target for ten minutes: almost three hours. FUZZ_FOR=1m FUZZ=FuzzDriver does less.
.PHONY: fuzz explore
fuzz: setup
	scripts/fuzz $(FUZZ)

# Every sequence of what one visitor, devices, the bank, kills and time can do, for ten minutes.
EXPLORE = -misfortunes 4 -steps 4 -visitors 1
explore:
	go test ./session -run TestEverySequence -v -timeout 1h -explore 10m $(EXPLORE)

# How many small changes of the code the tests notice; PACKAGES="tariff meter" asks fewer.
.PHONY: mutants
mutants:
	scripts/mutants $(PACKAGES)

# Ten minutes of misfortune by default; SEED=N plays the same dice again. A site takes three
# ptys and a daemon of 20 MB.
TORTURE_FOR = 10m
SITES = 40
torture: build-daemon
	bin/kioskd torture --for $(TORTURE_FOR) --sites $(SITES) --sessions 1000000 $(if $(SEED),--seed $(SEED))

# 100,000 records to a back office, over HTTPS and over a NATS cluster, with everything going
# wrong on the way: about four minutes.
exactly-once: setup
	go test ./cmd/kioskd -tags $(GO_TEST_TAGS) -count=1 -timeout 30m -v -run TestExactlyOnce -records 100000

# What a day writes to the memory card, as root: four minutes.
.PHONY: wear
wear: setup
	go test -tags $(GO_TEST_TAGS) ./cmd/kioskd -run '^$$' -bench Wear -benchtime 1x

# BenchmarkUplink compares with mosquitto and rsyslog (rsyslog-gnutls) where they are installed.
bench:
	go test -run '^$$' -bench . ./store ./tariff
	go test -run '^$$' -bench Hold -benchtime 10x ./cmd/kioskd
	go test -run '^$$' -bench Drain -benchtime 1x ./cmd/kioskd
	go test -run '^$$' -bench Uplink -benchtime 1x -timeout 30m ./backoffice

build: build-daemon build-ui

.PHONY: build-daemon build-ui pictures
build-daemon: setup-daemon
	@echo "building the daemon; the first time SQLite, too, which is C: a minute on a PC, several on a Pi"
	go build -o bin/ ./cmd/kioskd ./cmd/kiosksim
build-ui: setup
	@echo "building the touchscreen; the first time Fyne and its OpenGL, too: some minutes on a PC, more on a Pi"
	go build -tags $(GO_UI_TAGS) -o bin/kioskd-ui ./cmd/kioskd-ui

# docs/screens: whole visits with real taps in a window, in four languages. The storybook has
# all the others: bin/kioskd-ui --views ui/screens/testdata/views --windowed 800x480
pictures: build
	go run ./scripts/screen visit docs/screens en,de,ar,ja

.PHONY: setup-daemon
setup:
	@scripts/setup all
setup-daemon:
	@scripts/setup daemon

# dist/kioskd_VERSION_ARCH.deb; both architectures are built here. deb-check tries them out (as
# root; CHECKS="lintian stories" does only some), vm-check the screen in a virtual machine.
VERSION := $(shell sed -n 's/^var version = "\(.*\)"/\1/p' cmd/kioskd/tools.go)
.PHONY: deb deb-check vm-check
deb:
	@scripts/setup package
	packaging/build amd64 $(VERSION) dist
	packaging/build arm64 $(VERSION) dist
deb-check: deb
	packaging/check/deb-check $(VERSION) $(CHECKS)
vm-check:
	@scripts/setup vm
	packaging/build amd64 $(VERSION) dist
	packaging/check/vm-check $(VERSION)
