# People and CI run the same targets. `make help` lists them.
PY := .venv/bin/python
export TF_USE_LEGACY_KERAS := 1
export PYTHON
# What builds the image, and its name without the tag: make image DOCKER=podman IMAGE=registry.example/readalike
DOCKER ?= docker
IMAGE ?= readalike
# How many tests run at a time; 0: one after the other, in one process.
WORKERS ?= 2
# Compiled modules are kept, for the many processes that tests start.
PYTEST = PYTHONDONTWRITEBYTECODE= $(PY) -m pytest --numprocesses $(WORKERS) --dist loadgroup --no-loadscope-reorder
# What only `make test-all` runs.
LONG := exhaustive and not large and not flink and not browser

.DEFAULT_GOAL := help
.PHONY: help setup run test test-unit test-all test-large e2e e2e-kubeflow check format bench-quality bench-serving bench-size bench-evaluation bench docs doctor lock kubeflow image clean distclean test-flink tune tensorboard report test-report

help: ## This list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## Make the environment in .venv, if it is missing or out of date
	@python=$$(sh scripts/python.sh) && "$$python" -m scripts.bootstrap.setup

run: setup ## The main job on the bundled sample: data -> pushed model -> recommendations
	$(PY) local_runner.py --data data/sample/reviews.csv.gz --work-dir work --push-dir push $(ARGS)

tune: setup ## Look for better hyper-parameters, on the bundled sample: make tune ARGS="--data … --tuning.trials 20"
	$(PY) -m pipeline.commands.tune --data data/sample/reviews.csv.gz --work-dir work --push-dir push $(ARGS)

tensorboard: setup ## TensorBoard on all runs of the work folder: make tensorboard ARGS="--work-dir DIR --port N"
	$(PY) -m pipeline.commands.tensorboard --work-dir work $(ARGS)

report: setup ## The index of all runs of a work folder, opened where there is a display: make report ARGS="--work-dir DIR"
	$(PY) -m pipeline.commands.report_index $(ARGS)

test-unit: setup ## The tests that start no process and run no pipeline (three minutes)
	$(PYTEST) -m "not integration and not e2e and not $(LONG)" $(ARGS)

test: setup ## All that a change can break, whole runs of the pipeline included (twelve minutes)
	$(PYTEST) -m "not $(LONG)" $(ARGS)

test-all: setup ## Every test: also the long proofs, real reviews, Flink and Chromium; says what it skips and why
	$(PYTEST) -rs $(ARGS)

test-large: setup ## The tests on a million real reviews, where they are at hand (a quarter of an hour)
	$(PY) -m pytest -m large -rs $(ARGS)

test-flink: setup ## The data steps on Apache Flink, beside the runner in memory (needs Java and Beam's job server for Flink)
	$(PY) -m pytest -m flink -rs $(ARGS)

test-report: setup ## The pages of runs in a real browser, where Chromium is installed (five minutes)
	$(PY) -m pytest -m browser tests/report -rs $(ARGS)

e2e: setup ## The tests of `make test` that run the pipeline
	$(PYTEST) -m "e2e and not $(LONG)" $(ARGS)

e2e-kubeflow: setup ## The compiled pipeline in a cluster that is a folder, beside the local runner
	$(PYTEST) tests/kubeflow tests/e2e/kubeflow $(ARGS)

bench-quality: setup ## The pushed model beside baselines: make bench-quality ARGS="--set NAME=PATH"
	$(PY) -m benchmarks.quality $(ARGS)

bench-serving: setup ## The exported search beside TFRS, FAISS and numpy (ten minutes, 12 GB of memory)
	$(PY) -m benchmarks.serving $(ARGS)

bench-size: setup ## Archive, load time and memory of a version of 130,000 users, beside float32
	$(PY) -m benchmarks.size $(ARGS)

bench-evaluation: setup ## Ranking and measuring for 20,000 readers of 57,000 books, beside plain numpy
	$(PY) -m benchmarks.evaluation $(ARGS)

bench: setup ## This pipeline beside the stock chain and the notebook's steps, at its scale: make bench ARGS="--rows 100000"
	$(PY) -m benchmarks.scale $(ARGS)

check: setup ## Lint, format, types
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

format: setup ## Mend what the linter and the formatter can
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

docs: setup ## Write the tables of configuration into the documents
	$(PY) -m scripts.config_table

.PHONY: screenshots
screenshots: setup ## Pictures of real reports for the documents: make screenshots ARGS="--work-dir DIR"
	$(PY) -m scripts.screenshots $(ARGS)

doctor: ## What is on this machine, and what is wrong
	@python=$$(sh scripts/python.sh) && "$$python" -m scripts.bootstrap.doctor

lock: setup ## Resolve pyproject.toml anew into requirements.lock
	@python=$$(sh scripts/python.sh) && "$$python" -m scripts.bootstrap.lock

kubeflow: setup ## Compile the pipeline for Kubeflow: make kubeflow ARGS="--image … --data … --push-dir …"
	$(PY) kubeflow_runner.py $(ARGS)

image: ## Build the container image, tagged by commit, and check that it can run the compiled pipeline
	@command -v $(DOCKER) >/dev/null || { echo "$(DOCKER) is not installed: make image needs it" >&2; exit 1; }
	@set -e; revision=$$(git describe --always --dirty --exclude '*' --abbrev=12); image="$(IMAGE):$$revision"; \
	$(DOCKER) build --build-arg REVISION="$$revision" --tag "$$image" .; \
	$(DOCKER) run --rm "$$image" sh -ec "python kubeflow_runner.py --image $$image --out /tmp/readalike.yaml; \
		python -m pipeline.kubeflow.pod.smoke /tmp/readalike.yaml"; \
	echo "Built $$image"

clean: ## Remove caches and compiled files; work/ and push/ hold keys and models and stay
	rm -rf build .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

distclean: clean ## Remove the environment too
	rm -rf .venv .glibc .cache
