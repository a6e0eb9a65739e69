# A fresh machine needs two commands: `make demo` to see it work, `make test` to test it.
# PYTHON chooses the interpreter (3.11 to 3.13); SERVE=0 ends the demo after its searches.

PYTHON ?= python3
SERVE ?= 1
BIN := .venv/bin
READY := .venv/.installed
DEMO_HOME := .demo/home
TWINSEARCH := $(BIN)/twinsearch
QUESTIONS := examples/python_docs
ENCODER := python-$(shell date +%Y%m%d-%H%M%S)

.PHONY: demo load test test-server campaign faults gate browser web soak loop screenshots check fix ui clean

demo: load
	$(TWINSEARCH) search "copy a file and keep its timestamps" -c python -k 3 --home $(DEMO_HOME)
	$(TWINSEARCH) search "wait until several threads have all arrived" -c python -k 3 --home $(DEMO_HOME)
	$(TWINSEARCH) search "how many days are there in a month" -c python -k 3 --where module=calendar --home $(DEMO_HOME)
ifneq ($(SERVE),0)
	$(TWINSEARCH) ui --home $(DEMO_HOME)
endif

# The documentation of the running interpreter's standard library, as a collection.
load: $(READY)
	@mkdir -p .demo
	$(BIN)/python examples/python_docs/collect.py .demo/python_docs.jsonl
	$(TWINSEARCH) ingest .demo/python_docs.jsonl -c python --prune --home $(DEMO_HOME)

# A file of tests at a time in each of WORKERS processes; WORKERS=0 runs all in one. Each has one thread, since those of
# several wait for one another. A test that hasn't ended after HANG seconds, when the slowest takes 30, hangs: it tells
# where each of its threads is, and fails.
WORKERS ?= 3
HANG ?= 900
test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder \
		--max-worker-restart 0 -o faulthandler_timeout=$(HANG) -o faulthandler_exit_on_timeout=true

# The contract of the index, on a real Milvus server in an environment of its own as well.
test-server: $(READY)
	test -d .milvus || $(PYTHON) -m venv .milvus
	.milvus/bin/python -m pip install --quiet --no-deps milvus==2.3.5
	TWINSEARCH_TEST_MILVUS=$(CURDIR)/.milvus TWINSEARCH_CAMPAIGN=1 $(BIN)/python -m pytest tests/search_app/milvus \
		tests/search_app/test_filters_sql.py
	TWINSEARCH_TEST_MILVUS=$(CURDIR)/.milvus $(BIN)/python -m pytest tests/search_app/faults/test_build_kills.py -k server

# Hundreds of broken files for every format; a small part of it runs in `make test`.
campaign: $(READY)
	TWINSEARCH_CAMPAIGN=1 $(BIN)/python -m pytest tests/ingest/test_faults.py -rA

# Kills at every step and at 30 moments, full disks, every file of the engine harmed; some of it runs in `make test`.
# There are over a thousand steps, which take hours: PART=2/5 takes the second fifth of them.
PART ?= 1/1
faults: $(READY)
	TWINSEARCH_CAMPAIGN=1 TWINSEARCH_PART=$(PART) $(BIN)/python -m pytest tests/search_app/faults -rA

# Whether the gate keeps bad encoders out, 20 of them trained on noise: hours. DATA=FOLDER of test collections.
gate: $(READY)
	$(BIN)/python -m benchmarks.gate --data $(DATA)

# The whole path of a person, from uploading to rolling back, in a real browser; a part of it runs in `make test`.
browser: $(READY)
	TWINSEARCH_BROWSER=1 $(BIN)/python -m pytest tests/ui/browser -rA

# How long people wait for the page, and eight of them for 15 minutes beside an ingest and a re-index: `make web soak
# DATA=FOLDER` with the folder of test collections; a small run is `make soak DATA=FOLDER MINUTES=1 SIZE=2000`.
DATA ?= $(TWINSEARCH_BENCH_DATA)
SIZE ?= 20000
MINUTES ?= 15
web: $(READY)
	$(BIN)/python -m benchmarks.web $(if $(DATA),--data "$(DATA)") --size $(SIZE)

soak: $(READY)
	$(BIN)/python -m benchmarks.soak $(if $(DATA),--data "$(DATA)") --size $(SIZE) --minutes $(MINUTES)

# Judge, train, re-index beside the live generation, compare on held-out questions, let the gate decide.
loop: load
	$(TWINSEARCH) judgements import $(QUESTIONS)/qrels/train.tsv --queries $(QUESTIONS)/queries.jsonl \
		-c python --split train --home $(DEMO_HOME)
	$(TWINSEARCH) judgements import $(QUESTIONS)/qrels/test.tsv --queries $(QUESTIONS)/queries.jsonl \
		-c python --split heldout --home $(DEMO_HOME)
	$(TWINSEARCH) evaluate -c python --queries $(QUESTIONS)/queries.jsonl --qrels $(QUESTIONS)/qrels/test.tsv \
		--mode dense --home $(DEMO_HOME)
	$(TWINSEARCH) train -c python --from-judgements --name $(ENCODER) --home $(DEMO_HOME)
	$(TWINSEARCH) reindex python --encoder $(ENCODER) --switch --home $(DEMO_HOME)
	$(TWINSEARCH) evaluate -c python --queries $(QUESTIONS)/queries.jsonl --qrels $(QUESTIONS)/qrels/test.tsv \
		--mode dense --home $(DEMO_HOME)

# The pictures of docs/web.md: every page of a collection that has learned, light and dark, by a real browser.
screenshots: loop
	$(BIN)/python docs/screenshots.py $(DEMO_HOME)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

ui: $(READY)
	$(TWINSEARCH) ui

clean:
	-[ -x $(TWINSEARCH) ] && $(TWINSEARCH) engine stop --home $(DEMO_HOME)
	rm -rf .venv .demo build dist .mypy_cache .pytest_cache .ruff_cache

# torch first and by its pin: a later, unpinned install would fetch another build of it.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[bundled,dev,fast,login,map]"
	touch $@
