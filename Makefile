# One verb a job. PYTHON picks the interpreter (3.11 or newer); PORT the port of the demo;
# TORCH_INDEX an index that carries one build of both torch and torchvision (CPU-only, for example).
PYTHON ?= python3
PORT ?= 7860
DATA ?= ../shared/data
VENV := .venv
PY := $(VENV)/bin/python
UV := VIRTUAL_ENV=$(CURDIR)/$(VENV) $(VENV)/bin/uv pip install -q
INDEX := $(if $(TORCH_INDEX),--index $(TORCH_INDEX) --index-strategy unsafe-best-match)
STAMP := $(VENV)/installed

.PHONY: install demo test test-slow browser check format bench data ablation train-lgnet train-tclip train-irgpt clean

install: $(STAMP)  ## everything that demo and test need, in .venv

$(STAMP): requirements.txt requirements-dev.txt requirements-bases.txt
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -c 'import sys; assert sys.version_info >= (3, 11), "Python 3.11 or newer is needed: make install PYTHON=python3.12"'
	$(PY) -m pip install -q --disable-pip-version-check uv
	$(UV) $(INDEX) -r requirements-dev.txt
	$(UV) --no-deps -r requirements-bases.txt
	touch $(STAMP)

demo: install  ## the studio at http://127.0.0.1:7860
	PORT=$(PORT) $(PY) app.py

browser:  ## Chromium for the browser tests, from Debian's packages where there is none
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
		(apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null)

test: install browser  ## the tests, slow ones left out
	$(PY) -m pytest

test-slow: install browser
	$(PY) -m pytest -m slow

check: install  ## what a reviewer looks at first: lint, format, types, tests
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(MAKE) test

format: install
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

bench: install  ## the figures of docs/BENCHMARKS.md that are about speed
	$(PY) -m core.lgnet.bench
	$(PY) -m core.irgpt.bench

data: install  ## captions and questions from the annotations under DATA
	$(PY) -m core.data.build --data $(DATA) --out runs/built --seed 0

# The commands behind the bundled weights; each goes on where it stopped. docs/LOG.md says where the bundled runs differed.
SMALL_TARGETS := $(addprefix $(DATA)/,langir_sirst nudt_sirst sirst_backgrounds hit_uav drone_ir cheetah)

train-tclip: data
	$(PY) -m core.tclip.train --captions runs/built --images $(DATA) --out runs/tclip

train-lgnet: install
	$(PY) -m core.lgnet.train --data $(SMALL_TARGETS) --out runs/lgnet --architecture lgnet-lite --crop 160 --batch 6 \
		--steps 16500 --warmup 300 --ema 0.998 --every 500

# The ablation table: every row is trained from nothing at the lite size, three times, and measured on the official test
# parts, natively and at 512 x 512, and on the target-free test frames; then tabulated. Resumable.
SEEDS ?= 0 1 2
STEPS ?= 2500
ROW_plain := --architecture lgnet-lite-without-fusion --descriptor none
ROW_fusion := --architecture lgnet-lite-without-language --descriptor none
ROW_never := --architecture lgnet-lite --language never
ROW_training := --architecture lgnet-lite --language training
ROW_both := --architecture lgnet-lite --language both
# in 2,500 steps it finds nothing yet
ROW_unet := --architecture unet --descriptor none --steps 6000 --every 250
ROWS ?= plain fusion never training both unet
RUNS := $(foreach row,$(ROWS),$(foreach seed,$(SEEDS),runs/ablation/$(row)-$(seed)))

ablation: $(RUNS:=/nudt.json) runs/ablation/top-hat/nudt.json
	$(PY) -m core.lgnet.ablation $(RUNS) runs/ablation/top-hat --out runs/ablation/table.md --json runs/ablation/table.json

part = --images $(DATA)/$(1)/images --masks $(DATA)/$(1)/masks --ids $(DATA)/$(1)/test.txt
ON_backgrounds = --images $(DATA)/sirst_backgrounds --ids runs/ablation/backgrounds.txt
ON_sirst = $(call part,langir_sirst)
ON_sirst-512 = $(ON_sirst) --size 512
ON_nudt = $(call part,nudt_sirst)
# words also at test for the row that has them in both
TEXTS_sirst = --texts $(DATA)/langir_sirst/scene_prompts.tsv
TEXTS_sirst-512 = $(TEXTS_sirst)
TEXTS_nudt = --texts $(DATA)/nudt_sirst/scene_prompts.tsv
# nudt last: its file says that a row is done
EVALUATE = $(foreach set,backgrounds sirst sirst-512 nudt,$(PY) -m core.lgnet.evaluate --engine float $(1) $(ON_$(set)) \
	$(if $(findstring both,$@),$(TEXTS_$(set))) --json $(@D)/$(set).json &&) true

runs/ablation/backgrounds.txt:  # the half that is a test
	mkdir -p $(@D)
	ls $(DATA)/sirst_backgrounds | sed 's/[.][^.]*$$//' | LC_ALL=C sort | tail -n 40 > $@

runs/ablation/top-hat/nudt.json: runs/ablation/backgrounds.txt | install
	mkdir -p $(@D)
	$(call EVALUATE,--method top-hat)

runs/ablation/%/nudt.json: runs/ablation/backgrounds.txt | install
	$(PY) -m core.lgnet.train --data $(SMALL_TARGETS) --out runs/ablation/$* --crop 96 \
		--steps $(STEPS) --every $(STEPS) --seed $(lastword $(subst -, ,$*)) $(ROW_$(firstword $(subst -, ,$*)))
	$(call EVALUATE,--model runs/ablation/$*)

train-irgpt: data
	$(PY) -m core.irgpt.train --data runs/built --images $(DATA) --out runs/irgpt

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
