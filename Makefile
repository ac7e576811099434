# The front door. Each target does the set-up it needs and is safe to repeat.

STACK ?= local
PYTHON ?= python3
TOOLS = $(PYTHON) -m toolchain
RUN = .venv/bin/python -m
# a file of tests runs in one of two processes, which mostly wait: for servers, for VMs
TWO = --numprocesses 2 --dist loadfile
export PYTHONDONTWRITEBYTECODE = 1

.DEFAULT_GOAL := help
.PHONY: help bench up preview down status logs history rollback exec ssh unlock init env test check fmt unit service fuzz \
	localcloud e2e audit lock venv docker clean

help: ## show this
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo '  STACK=dev takes another stack than local.'

up: ## set up everything and bring the stack up; ends with the URL
	@$(TOOLS) up --stack $(STACK)

preview: ## show what `make up` would change
	@$(TOOLS) preview --stack $(STACK)

down: ## take the stack down; leaves nothing behind
	@$(TOOLS) down --stack $(STACK)

status: ## tell which release is live and whether it runs; JSON=1
	@$(TOOLS) status --stack $(STACK) $(if $(JSON),--json)

logs: ## show the service's log
	@$(TOOLS) logs --stack $(STACK)

history: ## list the releases; JSON=1
	@$(TOOLS) history --stack $(STACK) $(if $(JSON),--json)

rollback: ## run an earlier release again, with its configuration; TO=number names one
	@$(TOOLS) rollback --stack $(STACK) --to "$(TO)"

exec: ## run a command in the service's container: make exec CMD='python -m auth --help'
	@$(TOOLS) exec --stack $(STACK) -- $(CMD)

ssh: ## open a shell on the server
	@$(TOOLS) ssh --stack $(STACK)

unlock: ## free the stack's state of the lock of a run that is no more
	@$(TOOLS) unlock --stack $(STACK)

init: ## make the keys of a new environment: make init STACK=dev
	@$(TOOLS) init --stack $(STACK)

env: ## print shell exports: eval "$(make -s env)" makes plain pulumi, docker and ssh work
	@$(TOOLS) env --stack $(STACK)

test: check service localcloud e2e ## everything that CI runs

check: venv ## lint, types and unit tests: the fast part
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(RUN) pytest tests/unit

unit: venv
	$(RUN) pytest tests/unit

service: venv ## tests of the Authentication Service
	$(RUN) pytest $(TWO) service/tests

fuzz: venv ## throw broken input at the service's parsers; SECONDS=60
	@PYTHONPATH=service $(RUN) service.fuzz.parsers -max_total_time=$(SECONDS)
SECONDS ?= 60

localcloud: venv docker ## tests of the emulated Oracle Cloud
	$(RUN) pytest tests/localcloud

e2e: venv docker ## tests of the whole, on real parts
	$(RUN) pytest $(TWO) tests/e2e

audit: venv ## look for known vulnerabilities in the dependencies
	$(RUN) pip_audit --disable-pip --require-hashes -r requirements-dev.txt -r service/requirements.txt

bench: venv $(if $(ONLY),,docker) ## measure how long things take; COLD=1 from empty caches; ONLY=service
	@PYTHONPATH=service:service/tests $(RUN) bench $(if $(COLD),--cold) $(if $(ONLY),--only $(ONLY))

fmt: venv ## format the code
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

lock: venv ## pin the dependencies again after a change of a requirements*.in
	cd service && ../$(RUN) uv pip compile $(LOCK) requirements.in -o requirements.txt
	$(RUN) uv pip compile $(LOCK) toolchain/requirements.in -o toolchain/requirements.txt
	$(RUN) uv pip compile $(LOCK) requirements.in -o requirements.txt
	$(RUN) uv pip compile $(LOCK) requirements-dev.in -o requirements-dev.txt
LOCK = --custom-compile-command 'make lock' --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links

venv:
	@$(TOOLS) venv

docker: venv
	@$(TOOLS) docker

clean: ## drop the caches: engine, Python environment, images
	@$(TOOLS) clean
