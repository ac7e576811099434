# The front door. Each target does the set-up it needs and is safe to repeat.

STACK ?= local
PYTHON ?= python3
TOOLS = $(PYTHON) -m toolchain
RUN = .venv/bin/python -m
# a file of tests runs in one of several processes, which mostly wait: for servers, for VMs
SIDE_BY_SIDE = --dist loadfile --numprocesses
REVIEW = $(RUN) pipeline
ZIZMOR = .venv/bin/zizmor
export PYTHONDONTWRITEBYTECODE = 1
# The shell reads them from its environment: what somebody typed never becomes part of a command.
# `value` below is for the same reason: make itself would run a $(shell …) in them.
IMAGE ?= auth-service:local
export IMAGE STACK TO LABELS PLAN ADDRESS MINUTES KEEP SERVICE CONFIRM

.DEFAULT_GOAL := help
.PHONY: help bench up preview down status logs history rollback exec ssh unlock init env test check fmt unit \
	service fuzz screenshot localcloud e2e audit lock venv tools pins docker clean workflows pr-comment reviewed \
	newest build verified live scanned ssh-open ssh-close \
	smoke released drift images pr-environment pr-environments evidence github-check image

help: ## show this
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo '  STACK=dev takes another stack than local.'

up: ## set up everything and bring the stack up; ends with the URL; REFRESH=1 repairs what drifted
	@$(TOOLS) up --stack "$$STACK" $(if $(REFRESH),--refresh)

preview: ## show what `make up` would change
	@$(TOOLS) preview --stack "$$STACK"

down: ## take the stack down, its data too; asks for the stack's name, or CONFIRM=name
	@$(TOOLS) down --stack "$$STACK" $(if $(value CONFIRM),--confirm "$$CONFIRM")

status: ## tell which release is live and whether it runs; JSON=1
	@$(TOOLS) status --stack "$$STACK" $(if $(JSON),--json)

logs: ## show the service's log
	@$(TOOLS) logs --stack "$$STACK"

history: ## list the releases; JSON=1
	@$(TOOLS) history --stack "$$STACK" $(if $(JSON),--json)

rollback: ## run an earlier release again, with its configuration; TO=number names one
	@$(TOOLS) rollback --stack "$$STACK" --to "$$TO"

exec: ## run a command in the service's container: make exec CMD='python -m auth --help'
	@$(TOOLS) exec --stack "$$STACK" -- $(CMD)

ssh: ## open a shell on the server
	@$(TOOLS) ssh --stack "$$STACK"

unlock: ## free the stack's state of the lock of a run that is no more
	@$(TOOLS) unlock --stack "$$STACK"

init: ## make the keys of a new environment: make init STACK=dev
	@$(TOOLS) init --stack "$$STACK"

env: ## print shell exports: eval "$(make -s env)" makes plain pulumi, docker and ssh work
	@$(TOOLS) env --stack "$$STACK"

test: check service localcloud e2e ## everything that CI runs

check: venv workflows ## lint, types and unit tests: the fast part
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(RUN) pytest tests/unit

workflows: venv ## lint the workflows of GitHub
	$(TOOLS) actionlint
	RUST_LOG=error $(ZIZMOR) --offline --quiet --pedantic --config .github/zizmor.yml .github

unit: venv
	$(RUN) pytest tests/unit

service: venv ## tests of the Authentication Service
	$(RUN) pytest service/tests $(SIDE_BY_SIDE) 2

fuzz: venv ## throw broken input at the service's parsers; SECONDS=60
	@PYTHONPATH=service $(RUN) service.fuzz.parsers -max_total_time=$(SECONDS)
SECONDS ?= 60

screenshot: venv ## draw the sign-in page again, for the README
	mkdir -p docs/images
	AUTH_SCREENSHOT=docs/images/sign-in.png $(RUN) pytest service/tests/test_browser.py -k drawn

localcloud: venv docker ## tests of the emulated Oracle Cloud
	$(RUN) pytest tests/localcloud

e2e: venv docker ## tests of the whole, on real parts
	$(RUN) pytest tests/e2e --no-loadscope-reorder $(SIDE_BY_SIDE) 3

image: docker ## build the service's image alone, on the official base; IMAGE=name
	docker build --tag "$$IMAGE" service

audit: venv ## look for known vulnerabilities in the dependencies; SERVICE=osv asks another service
	@$(REVIEW) audit $(if $(value SERVICE),--service "$$SERVICE")

pr-comment: venv ## print the comment that a pull request gets; POST=1 posts it
	@$(REVIEW) comment --stack "$$STACK" $(if $(POST),--post) $(if $(value LABELS),--labels "$$LABELS")

reviewed: venv ## go on only if what is guarded was reviewed; PLAN=fingerprint says yes by hand
	@$(REVIEW) reviewed --stack "$$STACK" $(if $(value PLAN),--accept "$$PLAN") $(if $(BY_DIGEST),--image "$$IMAGE")

build: venv ## build and push the image of the stack; tell whether this run may attest it
	@$(REVIEW) build --stack "$$STACK"

verified: venv ## go on only if IMAGE=name@digest was built by the workflow that deploys
	@$(REVIEW) verified --image "$$IMAGE"

live: venv ## tell which image runs on the server
	@$(REVIEW) live --stack "$$STACK"

scanned: venv ## keep an issue about what a scan of IMAGE=name@digest found
	@$(REVIEW) scanned --stack "$$STACK" $(if $(BY_DIGEST),--image "$$IMAGE")
# IMAGE has a default, of another meaning, for `make image`
BY_DIGEST = $(findstring @,$(value IMAGE))

newest: venv ## go on only if the branch has not moved on from this run's commit
	@$(REVIEW) newest

ssh-open: venv ## let this machine in by SSH for a while; ADDRESS=, MINUTES=, EXISTING=1 makes no network
	@$(REVIEW) ssh-open --stack "$$STACK" \
		$(if $(value ADDRESS),--address "$$ADDRESS") $(if $(value MINUTES),--minutes "$$MINUTES") $(if $(EXISTING),--existing)

ssh-close: venv ## take away what ssh-open opened
	@$(REVIEW) ssh-close --stack "$$STACK"

smoke: venv ## try the URLs of the stack
	@$(REVIEW) smoke --stack "$$STACK"

released: venv ## tell what is released: outputs and a note
	@$(REVIEW) released --stack "$$STACK"

drift: venv ## compare the stack with its program, and keep an issue about it
	@$(REVIEW) drift --stack "$$STACK"

images: venv ## delete old images from GHCR; KEEP=10, DRY=1 only tells
	@$(REVIEW) images --stack "$$STACK" $(if $(value KEEP),--keep "$$KEEP") $(if $(DRY),--dry-run)

pr-environment: venv ## configure the stack of a pull request: STACK=pr-12
	@$(REVIEW) environment --stack "$$STACK"

pr-environments: venv ## take down the stacks of pull requests that are over
	@$(REVIEW) environments

evidence: venv ## keep what the stack shows, in .local/evidence
	@$(REVIEW) evidence --stack "$$STACK"

github-check: venv ## tell what the repository on GitHub lacks
	@$(REVIEW) github

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

venv: ## make the Python environment
	@$(TOOLS) venv

tools: venv ## get the engine and its plugins, as every command does by itself
	@$(TOOLS) tools

pins: venv ## pin the SHA-256 of engine and plugins, after their versions changed
	@$(TOOLS) pins

docker: venv
	@$(TOOLS) docker

clean: ## drop the caches: engine, Python environment, images
	@$(TOOLS) clean
