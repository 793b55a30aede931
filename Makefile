# The commands of this project. Each makes the environment that it needs.
export PORT ?= 8000
PY := .venv/bin/python

.PHONY: help run test test-models lint format bench bench-editor screens chaos chaos-editor lock

help:
	@echo "make run      serve the demo on 127.0.0.1:$(PORT) (PORT=... for another port)"
	@echo "make test     run every test that can run here"
	@echo "make test-models  ask real model servers, which it installs (about 3 GB) and starts"
	@echo "make lint     check style, types, layers, templates, vendored files"
	@echo "make format   rewrite the code in the project's style"
	@echo "make bench    measure the engine beside its peers; make bench-editor, the canvas"
	@echo "make screens  take the screenshots of the docs"
	@echo "make chaos    kill and disturb all processes for CHAOS_MINUTES=28 (CHAOS_SEED=... repeats it)"
	@echo "make chaos-editor  make 5,000 edits in each of two browsers on a bad line; 100,000 on the model"
	@echo "make lock     resolve the locks of the requirements again"

run:
	@exec tools/run

test:
	@tools/environment dev
	@exec $(PY) -m tools.run_tests

test-models:
	@tools/environment dev
	@tools/environment models
	@tools/environment torch
	@tools/environment triton
	@$(PY) -m tools.programs java
	@exec $(PY) -m tools.run_tests --tier models

lint:
	@tools/environment dev
	@exec tools/lint

format:
	@tools/environment dev
	$(PY) -m ruff check --fix --quiet . ; $(PY) -m ruff format .

bench:
	@tools/environment dev
	@$(PY) -m tools.programs postgresql redis
	@test -n "$$BENCH_PEERS_PYTHON" || tools/environment bench || echo "Measuring without the peers."
	@exec $(PY) manage.py bench $(ARGS)

bench-editor:
	@tools/environment dev
	$(PY) -m tools.run_tests --tier bench-editor

screens:
	@tools/environment dev
	$(PY) -m tools.run_tests --tier screens

chaos:
	@tools/environment dev
	@mkdir -p var
	$(PY) -m tests.chaos.storm --minutes $${CHAOS_MINUTES:-28} $${CHAOS_SEED:+--seed $$CHAOS_SEED} \
		--json var/chaos.json $(ARGS)

chaos-editor:
	@tools/environment dev
	MODEL_OPERATIONS=100000 node --test tests/js/editor/draft.test.js
	EDITOR_OPERATIONS=5000 $(PY) -m pytest -q tests/browser/editor/test_convergence.py

lock:
	@tools/environment dev
	.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url \
		--python-version 3.11 pyproject.toml -o requirements.lock
	.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url \
		--python-version 3.11 pyproject.toml --group dev -o requirements-dev.lock
	.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url \
		--python-version 3.11 --group bench -o requirements-bench.lock
	.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url \
		--python-version 3.11 --group models -o requirements-models.lock
	.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url \
		--python-version 3.11 --group torch --overrides tools/without-torch.txt --no-emit-package torch \
		-o requirements-torch.lock
	.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url \
		--python-version 3.11 --group triton -o requirements-triton.lock
