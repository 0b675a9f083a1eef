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

train-lgnet: runs/lgnet-a/metrics.json
	$(PY) -m core.lgnet.train --data $(SMALL_TARGETS) --out runs/lgnet --init runs/lgnet-a --crop 160 --batch 5 --warmup 50 --steps 1900
	$(PY) -m core.lgnet.train --data $(SMALL_TARGETS) --out runs/lgnet-b --init runs/lgnet --crop 160 --batch 5 --warmup 50 \
		--steps 6000 --every 400 --ema 0.995 --seed 1
	$(PY) -m core.lgnet.train --data $(SMALL_TARGETS) --out runs/lgnet-c --init runs/lgnet-b --crop 160 --batch 5 --warmup 50 \
		--steps 4800 --every 200 --ema 0.998 --lr 7e-4 --seed 2

# The ablation table: every row starts from a trunk that has seen no language, is trained on three times, and measured on
# the official test parts and the target-free test frames; then tabulated. Resumable.
SEEDS ?= 0 1 2
STEPS ?= 300
ROW_never := --init runs/lgnet-a --language never
ROW_training := --init runs/lgnet-a --language training
ROW_both := --init runs/lgnet-a --language both
ROW_fusion := --init runs/lgnet-a --architecture lgnet-without-language --descriptor none
ROW_plain := --init runs/lgnet-a --architecture lgnet-without-fusion --descriptor none
ROW_unet := --init runs/unet-a --architecture unet --descriptor none
ROWS ?= plain fusion never training both unet
RUNS := $(foreach row,$(ROWS),$(foreach seed,$(SEEDS),runs/ablation/$(row)-$(seed)))
EVALUATE := $(PY) -m core.lgnet.evaluate --engine float

ablation: $(RUNS:=/nudt.json) $(foreach set,sirst nudt backgrounds,runs/ablation/top-hat/$(set).json)
	$(PY) -m core.lgnet.ablation $(RUNS) runs/ablation/top-hat --out runs/ablation/table.md --json runs/ablation/table.json

SIRST = --images $(DATA)/langir_sirst/images --masks $(DATA)/langir_sirst/masks --ids $(DATA)/langir_sirst/test.txt
NUDT = --images $(DATA)/nudt_sirst/images --masks $(DATA)/nudt_sirst/masks --ids $(DATA)/nudt_sirst/test.txt
BACKGROUNDS = --images $(DATA)/sirst_backgrounds --ids runs/ablation/backgrounds.txt

runs/ablation/backgrounds.txt:  # the half that is a test
	mkdir -p $(@D)
	ls $(DATA)/sirst_backgrounds | sed 's/[.][^.]*$$//' | LC_ALL=C sort | tail -n 40 > $@

# the U-Net's step takes a fifth of LGNet's time
runs/unet-a/metrics.json: TRUNK_STEPS := 6000
runs/%-a/metrics.json: TRUNK_STEPS ?= 1500
runs/lgnet-a/metrics.json runs/unet-a/metrics.json: | install
	$(PY) -m core.lgnet.train --data $(SMALL_TARGETS) --out $(@D) --architecture $(patsubst runs/%-a/,%,$(dir $@)) \
		--descriptor none --crop 96 --steps $(TRUNK_STEPS)

# words also at test for the row that has them in both
runs/ablation/%/nudt.json: runs/ablation/backgrounds.txt | runs/lgnet-a/metrics.json runs/unet-a/metrics.json
	$(PY) -m core.lgnet.train --data $(SMALL_TARGETS) --out runs/ablation/$* --batch 5 --warmup 50 \
		--steps $(STEPS) --every $(STEPS) --seed $(lastword $(subst -, ,$*)) $(ROW_$(firstword $(subst -, ,$*)))
	$(EVALUATE) --model runs/ablation/$* $(BACKGROUNDS) --json runs/ablation/$*/backgrounds.json
	$(EVALUATE) --model runs/ablation/$* $(SIRST) --json runs/ablation/$*/sirst.json \
		$(if $(findstring both,$*),--texts $(DATA)/langir_sirst/scene_prompts.tsv)
	$(EVALUATE) --model runs/ablation/$* $(NUDT) --json $@ \
		$(if $(findstring both,$*),--texts $(DATA)/nudt_sirst/scene_prompts.tsv)

runs/ablation/top-hat/sirst.json: ; mkdir -p $(@D); $(EVALUATE) --method top-hat $(SIRST) --json $@
runs/ablation/top-hat/nudt.json: ; mkdir -p $(@D); $(EVALUATE) --method top-hat $(NUDT) --json $@
runs/ablation/top-hat/backgrounds.json: runs/ablation/backgrounds.txt
	mkdir -p $(@D)
	$(EVALUATE) --method top-hat $(BACKGROUNDS) --json $@

train-irgpt: data
	$(PY) -m core.irgpt.train --data runs/built --images $(DATA) --out runs/irgpt

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
