# talkpath's commands for a checkout. Each makes .venv first where that is needed: no root, no other step.
# `make` alone lists them. Three JOBS on two cores: a third of the tests wait for real time to pass; what only computes
# takes as many jobs as there are CORES.

PYTHON ?= python3
THIS   := $(if $(filter file,$(origin PYTHON)),,--this-python)
JOBS   ?= 3
CORES  := $(shell nproc 2> /dev/null || echo 2)
OTHER  ?= python3.11
COMMIT ?= HEAD~1
ROOMS  ?= verdict,experiment
SEED   ?= 1
SYSTEM ?= linux-x86_64
PYTHONS ?= 3.11 3.12 3.13 3.14
BIN    := .venv/bin
CAPTURES := $(or $(TALKPATH_CAPTURES),../shared/captures)
PEERS  := --require-hashes -r requirements/peers.txt
ENGINES := --require-hashes -r requirements/engines.txt
LOCK   := pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

# One line a command, so that two who add one do not meet here.
.PHONY: help demo test test-long test-changed core web dev peers
.PHONY: article event-rates
.PHONY: attack
.PHONY: bench bench-capture
.PHONY: browser-cases
.PHONY: captures lab-calls fuzz
.PHONY: dist try-wheel
.PHONY: pyz windows-folder release-key sums try-portable
.PHONY: engines
.PHONY: compare
.PHONY: golden
.PHONY: kill
.PHONY: lock reference
.PHONY: mutants
.PHONY: observatory-demo
.PHONY: other-python
.PHONY: score score-quick
.PHONY: sentences

help:
	@echo "make demo       play four scenes in a made-up country, less than a minute; writes demo/"
	@echo "make web        install talkpath with what the page for phones needs, and no test tools: 235 MB"
	@echo "make test       style, types, imports and tests, six minutes; says what was not run and why"
	@echo "make test-changed  the tests that a change since COMMIT can reach by imports"
	@echo "make test-long  the tests that take long: whole checks in namespaces and browsers, properties with 200 examples"
	@echo "make mutants    change the code of ROOMS in small ways, drawn by SEED, and say which the tests find, half an hour"
	@echo "make bench      measure speed, write nothing"
	@echo "make score      error rates: about 15 000 checks, three hours at most; writes docs/error-rates.md"
	@echo "make score-quick  500 checks with fixed seeds, at most five minutes: fails where a goal is missed"
	@echo "make captures   hold the apps' shapes against the public captures (TALKPATH_CAPTURES), a row a file"
	@echo "make bench-capture  speed of capture beside ndpiReader, tshark and nfstream, with few calls and with many"
	@echo "make lab-calls  record real calls, Chromium to aiortc, in the lab and score them (Linux, Chromium)"
	@echo "make engines    record calls of Telegram's engine, browsers and others, and score what capture says, about 25 minutes"
	@echo "make browser-cases  real checks in Chromium through the lab: every case, and innocent networks (Linux, Chromium)"
	@echo "make kill       kill -9 an observatory's log 1000 times in the middle of intake, about ten minutes"
	@echo "make attack     replay attacks against running servers and files on loopback, at most ten minutes"
	@echo "make fuzz       read 100 000 changed bundles and messages, a million damaged captures, and 20 000 inputs of"
	@echo "                each door of an observatory, about two and a half hours"
	@echo "make article    play the news report of August 2025 in a made-up country; writes docs/article.md"
	@echo "make other-python  judge the same bundles with another Python (OTHER=python3.11)"
	@echo "make compare    verdicts and captures' JSON beside those of another commit (COMMIT=HEAD~1): prints what differs"
	@echo "make event-rates  how often events are wrong and how late, about 10 minutes; writes docs/event-rates.md"
	@echo "make observatory-demo  an observatory filled from a made-up country, for this machine's browser"
	@echo "make dist       build the wheel and the source archive into dist/"
	@echo "make try-wheel  install that wheel into an empty environment and use it from there"
	@echo "make pyz        build one file that runs where one of PYTHONS is on SYSTEM (linux-x86_64), into dist/"
	@echo "make windows-folder  a folder with Windows' embeddable Python (EMBED=its zip SHA256=as its publisher says), into dist/"
	@echo "make release-key  the key (KEY, a file) with which whoever builds for others signs; it stays with them"
	@echo "make sums       SHA256SUMS of dist/, and its signature where KEY names that key, verified at once"
	@echo "make try-portable  use that file and that folder from an empty place, with an empty home"
	@echo "make golden     write again what is said of small recordings, compared whole (tests/golden): read the difference"
	@echo "make sentences  print what is said of every kind of verdict, in four languages"
	@echo "make reference  write docs/reference/ again from the commands"
	@echo "make lock       resolve requirements/ again (needs uv)"

core web dev:
	@$(PYTHON) scripts/setup.py $@ $(THIS)

demo: core
	@$(BIN)/talkpath demo

test: dev
	@$(BIN)/python scripts/run_lanes.py --cores $(CORES)

test-long: dev
	@HYPOTHESIS_PROFILE=thorough $(BIN)/pytest -n $(JOBS) --dist worksteal -m "long or property"

test-changed: dev
	@$(BIN)/pytest -n $(JOBS) --dist worksteal -m "not long" $$($(BIN)/python scripts/changed_tests.py $(COMMIT))

golden: dev
	@$(BIN)/python scripts/write_golden.py

mutants: dev
	@nice $(BIN)/python scripts/mutants.py --rooms $(ROOMS) --seed $(SEED)

bench: dev
	@for file in $(filter-out bench/capture.py,$(wildcard bench/*.py)); do echo "$$file"; $(BIN)/python "$$file" || exit 1; done

score: core
	@$(BIN)/python -m proof score --minutes 45
	@$(BIN)/python -m proof score --null --minutes 40
	@$(BIN)/python -m proof score --peers 600 --minutes 15
	@$(BIN)/python -m proof score --own 5460 --minutes 30 --own-page docs/own-address-rates.md
	@$(BIN)/python -m proof score --netns 220 --minutes 45 --page docs/error-rates.md \
		--numbers src/talkpath/observatory/data/error_rates.json

score-quick: core
	@$(BIN)/python -m proof score --quick

captures: dev
	@$(BIN)/pytest -m captures -s

bench-capture: peers
	@$(BIN)/python bench/capture.py $(CAPTURES) tests/capture/lab

lab-calls: peers
	@$(BIN)/python scripts/record_lab_calls.py build/lab-calls
	@$(BIN)/python scripts/score_captures.py build/lab-calls

engines: dev
	@if command -v uv > /dev/null; then uv pip install --quiet --python $(BIN)/python $(ENGINES); \
		else $(BIN)/python -m pip install --quiet $(ENGINES); fi
	@mkdir -p build/engines-node && cp proof/engines/package*.json build/engines-node/
	@npm ci --prefix build/engines-node --no-audit --no-fund --silent || echo "wrtc could not be installed by npm"
	@nice $(BIN)/python -m proof.engines record build/engines
	@$(BIN)/python -m proof.engines facts build/engines
	@$(BIN)/python -m proof.engines shapes build/engines
	@$(BIN)/python -m proof.engines likeness build/engines
	@$(BIN)/python -m proof.engines score build/engines

browser-cases: dev
	@$(BIN)/python scripts/browser_cases.py

attack: dev
	@nice $(BIN)/python scripts/attack.py

fuzz: dev
	@nice $(BIN)/python scripts/fuzz_records.py messages --cases 100000 --jobs $(JOBS)
	@nice $(BIN)/python scripts/fuzz_records.py bundles --cases 100000 --jobs $(JOBS)
	@nice $(BIN)/python scripts/fuzz_captures.py tests/capture/lab $(wildcard $(CAPTURES)) --cases 1000000 --jobs $(JOBS)
	@nice $(BIN)/python scripts/fuzz_captures.py --nasty --cases 100000 --jobs $(JOBS)
	@nice $(BIN)/python scripts/fuzz_shapes.py --cases 10000
	@for door in bundles ooni taps offers lists; do \
		nice $(BIN)/python scripts/fuzz_doors.py $$door --cases 20000 --jobs $(CORES) || exit 1; done

kill: dev
	@nice $(BIN)/python scripts/kill_log.py --times 1000

observatory-demo: dev
	@test -f build/article/truth/truth.json || { rm -rf build/article; \
		$(BIN)/talkpath lab country scenarios/article.toml --seed 1 --jobs $(CORES) -o build/article; }
	@$(BIN)/talkpath observe import --simulated --data build/observatory --jobs $(CORES) build/article
	@$(BIN)/talkpath observe serve --simulated --data build/observatory --box build/article --min-contributors 1

peers: dev
	@if command -v uv > /dev/null; then uv pip install --quiet --python $(BIN)/python $(PEERS); \
		else $(BIN)/python -m pip install --quiet $(PEERS); fi

article: core
	@rm -rf build/article build/restored
	@$(BIN)/talkpath lab country scenarios/article.toml --seed 1 --jobs $(CORES) -o build/article
	@$(BIN)/talkpath lab country scenarios/restored.toml --seed 1 --jobs $(CORES) -o build/restored
	@$(BIN)/python -m proof.pages.write_article build/article build/restored

other-python: core
	@mkdir -p build
	@$(BIN)/python scripts/judge_elsewhere.py $(OTHER)

compare: core
	@mkdir -p build
	@nice $(BIN)/python scripts/compare_stored.py --commit $(COMMIT)

event-rates: core
	@$(BIN)/python -m proof.pages.write_event_rates --jobs $(JOBS)

dist: core
	@rm -rf dist
	@$(BIN)/python -m hatchling build -d dist

try-wheel: dist
	@$(BIN)/python scripts/try_wheel.py

pyz: dist
	@$(BIN)/python scripts/portable.py pyz --system $(SYSTEM) $(PYTHONS:%=--python %)

windows-folder: dist
	@$(BIN)/python scripts/portable.py windows --embed $(EMBED) --sha256 $(SHA256)

release-key:
	@ssh-keygen -t ed25519 -C talkpath -f $(or $(KEY),$(error make release-key KEY=~/.ssh/talkpath-release))

sums:
	@$(BIN)/python scripts/portable.py sums $(KEY:%=--key %)

try-portable: dev
	@$(MAKE) --no-print-directory pyz PYTHONS=
	@$(BIN)/python scripts/try_portable.py

sentences: core
	@$(BIN)/python scripts/print_sentences.py

reference: dev
	@$(BIN)/python -m proof.pages.write_reference

lock:
	@command -v uv >/dev/null || { echo "make lock needs uv on PATH (pip install uv)" >&2; exit 2; }
	uv $(LOCK) pyproject.toml --extra qr --extra geo requirements/core.in -o requirements/core.txt
	uv $(LOCK) pyproject.toml --extra qr --extra geo --extra web requirements/core.in -c requirements/core.txt -o requirements/web.txt
	uv $(LOCK) pyproject.toml --extra qr --extra geo --extra parquet --extra observatory --extra web requirements/core.in requirements/dev.in -c requirements/web.txt -o requirements/dev.txt
	uv $(LOCK) pyproject.toml --extra qr --extra geo --extra parquet --extra observatory --extra web requirements/core.in -c requirements/dev.txt -o requirements/observatory.txt
	uv $(LOCK) requirements/peers.in -c requirements/dev.txt -o requirements/peers.txt
	uv $(LOCK) requirements/engines.in -c requirements/dev.txt -o requirements/engines.txt
	uv $(LOCK) requirements/virtualenv.in -o requirements/virtualenv.txt
