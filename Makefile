# The front door. Each target does the set-up it needs and is safe to repeat.

STACK ?= local
PYTHON ?= python3
TOOLS = $(PYTHON) -m toolchain
# the environment's own Python starts fastest, if it is there; an interpreter that somebody names wins
STACKS = $(or $(if $(filter file,$(origin PYTHON)),$(if $(realpath .venv/bin/python),.venv/bin/python)),$(PYTHON)) -m stack
RUN = .venv/bin/python -m
# `| head` has its lines, and ends the command: no error for a person to read
OR_READER_GONE = || test $$? -eq 141
# the tests of a file stay in one of several processes; those of servers and VMs also wait
SIDE_BY_SIDE = --dist loadfile --numprocesses
REVIEW = $(RUN) review
ZIZMOR = .venv/bin/zizmor
export PYTHONDONTWRITEBYTECODE = 1
# The shell reads them from its environment: a value that a person typed never becomes part of a command.
# `value` below is for the same reason: make itself would run a $(shell …) in them.
IMAGE ?= auth-service:local
export IMAGE STACK FILE TO AT NAME OVER PROFILE LABELS PLAN ADDRESS MINUTES KEEP SERVICE CONFIRM FOR FROM LINES LIVE SINCE GREP REQUEST KEY IDENTITY PORT

.DEFAULT_GOAL := help
.PHONY: help bench up preview down status logs dashboard history rollback cost alarms alerts silence bucket backup backups proof restore move-database drill \
	os-upgrade new-vm retire exec ssh rotate renew state unlock init env test check fmt unit \
	service fuzz messages variables screenshot localcloud e2e kubernetes audit lock venv tools pins docker clean workflows pr-comment reviewed \
	newest build verified live promote promotable renewal-due renewed renewal-branch scanned ssh-open ssh-close \
	smoke released drift images pr-stack pr-cleanup evidence github-check image

##@ Every day

help: ## show this
	@awk -F ':.*## ' '/^##@ / { print "\n" substr($$0, 5) ":" } \
		/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 } \
		/^## / { printf "%24s%s\n", "", substr($$0, 4) }' $(MAKEFILE_LIST)
	@printf '\n%s\n' 'A command that works on a stack takes another than local by STACK=dev.' \
		'PYTHON=/path/to/python3 names the Python that makes the environment.'

up: ## set everything up, update the stack; REFRESH=1 repairs
## SWITCH=1 agrees to the losses by other plugins
	@$(STACKS) up --stack "$$STACK" $(if $(REFRESH),--refresh) $(if $(SWITCH),--switch)

preview: ## show the changes that `make up` would make
	@$(STACKS) preview --stack "$$STACK"

status: ## show the live release, and whether it runs; JSON=1
	@$(STACKS) status --stack "$$STACK" $(if $(JSON),--json) $(OR_READER_GONE)

logs: ## show the log; FOLLOW=1 SINCE=2h LINES=9 GREP= REQUEST=
	@$(STACKS) logs --stack "$$STACK" $(if $(FOLLOW),--follow) $(if $(OWN_LINES),--lines="$$LINES") \
		$(if $(value SINCE),--since="$$SINCE") $(if $(value GREP),--grep="$$GREP") $(if $(value REQUEST),--request="$$REQUEST") $(OR_READER_GONE)
# a shell may have LINES in its environment: the height of the terminal
OWN_LINES = $(if $(filter command,$(origin LINES)),$(value LINES))

history: ## list the releases; JSON=1
	@$(STACKS) history --stack "$$STACK" $(if $(JSON),--json) $(OR_READER_GONE)

rollback: ## run an earlier release again; TO=7 names it; JSON=1
	@$(STACKS) rollback --stack "$$STACK" --to "$$TO" $(if $(JSON),--json)

down: ## take the stack and its data down; CONFIRM=name agrees
## NOCOPY=1 goes without a last copy of the database
	@$(STACKS) down --stack "$$STACK" $(if $(value CONFIRM),--confirm "$$CONFIRM") $(if $(NOCOPY),--no-copy)

##@ Backups

bucket: ## make the bucket of copies, once; PROFILE=administrator
	@$(STACKS) bucket --stack "$$STACK" $(if $(value PROFILE),--profile "$$PROFILE")

backup: ## put a whole copy of the database into the bucket
## NAME=; JSON=1
	@$(STACKS) backup --stack "$$STACK" $(if $(value NAME),--name "$$NAME") $(if $(JSON),--json)

backups: ## list the copies: age, size, last restore; JSON=1
	@$(STACKS) backups --stack "$$STACK" $(if $(JSON),--json) $(OR_READER_GONE)

proof: ## fetch the newest copy and check it; AT=; JSON=1
	@$(STACKS) proof --stack "$$STACK" $(if $(value AT),--at "$$AT") $(if $(JSON),--json)

restore: ## restore the database; AT=copy or time; OVER=yes
	@$(STACKS) restore --stack "$$STACK" --at "$$AT" --over "$$OVER"

move-database: ## move the accounts TO=postgresql or sqlite; YES=1
## OVER=yes replaces accounts that are there
	@$(STACKS) move-database --stack "$$STACK" --to "$$TO" --over "$$OVER" $(if $(YES),--yes)

drill: venv ## restore the newest copy into a local stack, and sign in
	@$(REVIEW) drill --stack "$$STACK"

##@ Dashboard

dashboard: ## lead a browser to the metrics; PORT=; IDENTITY=
	@$(STACKS) dashboard --stack "$$STACK" --identity "$$IDENTITY" $(if $(value PORT),--port "$$PORT")

##@ Alarms

alarms: ## list the alarms: state, since when; JSON=1
	@$(STACKS) alarms --stack "$$STACK" $(if $(JSON),--json) $(OR_READER_GONE)

alerts: ## show the mails of the local stack's alarms
	@$(STACKS) alerts --stack "$$STACK" $(OR_READER_GONE)

silence: ## send no mails of alarms FOR=2h, for planned work
	@$(STACKS) silence --stack "$$STACK" --for "$$FOR"

##@ Money

cost: ## show the monthly cost by resource; JSON=1
	@$(STACKS) cost --stack "$$STACK" $(if $(JSON),--json) $(OR_READER_GONE)

##@ The server and the stack

ssh: ## open a shell on the server; IDENTITY= an operator's key
	@$(STACKS) ssh --stack "$$STACK" --identity "$$IDENTITY"

exec: ## run CMD='python -m auth --help' in the container
	@$(STACKS) exec --stack "$$STACK" -- $(CMD)

os-upgrade: ## install security updates; REBOOT=1 reboots if needed
## JSON=1
	@$(STACKS) os-upgrade --stack "$$STACK" $(if $(REBOOT),--reboot) $(if $(JSON),--json)

new-vm: ## make another VM, with data and address; CONFIRM=name
	@$(STACKS) new-vm --stack "$$STACK" $(if $(value CONFIRM),--confirm "$$CONFIRM")

retire: ## delete the platform that the stack left; CONFIRM=name
	@$(STACKS) retire --stack "$$STACK" $(if $(value CONFIRM),--confirm "$$CONFIRM")

env: ## print exports, for: eval "$(make -s env)"
	@$(STACKS) env --stack "$$STACK"

init: ## configure a stack: STACK=prod FROM=dev PROFILE=…
## REGION= COMPARTMENT= SSH_FROM= REPOSITORY= DOMAIN=
## REGISTRY_USER= PUSH_TOKEN= PULL_USER= PULL_TOKEN=
## ALERTS= BUDGET=; at a terminal it asks for them
	@$(STACKS) init --stack "$$STACK" $(foreach name,$(OF_INIT),$(if $(value $(name)),--set "$(name)=$$$(name)"))
# the values that it asks for; secrets are in files: stack/first_values.py
OF_INIT = PROFILE FROM REGION COMPARTMENT SSH_FROM REPOSITORY REGISTRY_USER PUSH_TOKEN PULL_TOKEN PULL_USER DOMAIN ALERTS BUDGET
export $(OF_INIT)

rotate: ## renew KEY=signing|api; with `make up` ssh|host|registry
	@$(STACKS) rotate --stack "$$STACK" --key "$$KEY"

renew: ## get or renew the certificate of a cluster's load
## balancer; STORE=1 leaves the update to `make up`
	@$(STACKS) renew --stack "$$STACK" $(if $(value STORE),--store)

state: ## put a lost state back: FROM=an earlier version
	@$(STACKS) state --stack "$$STACK" --from "$$FROM"

unlock: ## free the stack of the lock of a run that is over
	@$(STACKS) unlock --stack "$$STACK"

promote: venv ## set FROM=dev's live image in TO=prod's file
## PUSH=1 makes the branch on GitHub
## LIVE= the output of `make promotable` for FROM
	@$(REVIEW) promote --from "$$FROM" --to "$$TO" $(if $(value LIVE),--live "$$LIVE") $(if $(PUSH),--push)

##@ Change the code

check: venv workflows ## lint, types and unit tests: the fast part
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(RUN) pytest tests/unit $(SIDE_BY_SIDE) 2

# localcloud comes last: its clusters need a program that is compiled meanwhile
test: kubernetes check service e2e localcloud ## everything that CI runs

fmt: venv ## format the code
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

service: venv ## tests of the Authentication Service
	$(RUN) pytest service/tests $(SIDE_BY_SIDE) 3

# with the time that nobody else wants; who needs it waits for it, and says what went wrong
kubernetes: venv ## compile the Kubernetes of `make localcloud`
	@nice -n 19 $(TOOLS) kubernetes --plugin > /dev/null 2>&1 &

localcloud: venv docker ## tests of the emulated cloud and a cluster
	$(RUN) pytest tests/cluster tests/localcloud --no-loadscope-reorder $(SIDE_BY_SIDE) 3

e2e: venv docker ## tests of the whole, on real parts
	$(RUN) pytest tests/e2e --no-loadscope-reorder $(SIDE_BY_SIDE) 3

unit: venv ## unit tests alone
	$(RUN) pytest tests/unit $(SIDE_BY_SIDE) 2

workflows: venv ## lint the workflows of GitHub
	$(TOOLS) actionlint
	RUST_LOG=error $(ZIZMOR) --offline --quiet --pedantic --config .github/zizmor.yml .github

bench: venv $(if $(ONLY),,docker) ## measure times; COLD=1 ROUNDS=5 ONLY=cluster
	@PYTHONPATH=service:service/tests $(RUN) bench $(if $(COLD),--cold) $(if $(ONLY),--only $(ONLY)) $(if $(ROUNDS),--rounds $(ROUNDS))

fuzz: venv ## throw broken input at the service's parsers; SECONDS=60
	@PYTHONPATH=service $(RUN) service.fuzz.parsers -max_total_time=$(SECONDS)
SECONDS ?= 60

image: docker ## build the service's image alone; IMAGE=name
	docker build --tag "$$IMAGE" service

audit: venv ## look for known vulnerabilities; SERVICE=osv asks another
	@$(REVIEW) audit $(if $(value SERVICE),--service "$$SERVICE")

##@ Files that are made

variables: venv ## write the table of variables in docs/service.md
	@PYTHONPATH=service $(RUN) documents.variables

messages: venv ## write the texts to translate into the catalogs
	@PYTHONPATH=service $(RUN) documents.messages

screenshot: venv ## draw the sign-in page again, for the README
	mkdir -p docs/images
	AUTH_SCREENSHOT=docs/images/sign-in.png $(RUN) pytest service/tests/test_browser.py -k drawn

lock: venv ## pin the dependencies after a change of a *.in file
	cd service && ../$(RUN) uv pip compile $(LOCK) requirements.in -o requirements.txt
	$(RUN) uv pip compile $(LOCK) host/requirements.in -o host/requirements.txt
	$(RUN) uv pip compile $(LOCK) toolchain/requirements.in -o toolchain/requirements.txt
	$(RUN) uv pip compile $(LOCK) requirements.in -o requirements.txt
	$(RUN) uv pip compile $(LOCK) requirements-dev.in -o requirements-dev.txt
LOCK = --custom-compile-command 'make lock' --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links

pins: venv ## pin the SHA-256 of engine and plugins, after a change
	@$(TOOLS) pins

##@ Review and deployment, as the workflows call them

pr-comment: venv ## print the review of this branch; POST=1 posts it
## LABELS= those of the pull request, separated by commas
	@$(REVIEW) comment --stack "$$STACK" $(if $(POST),--post) $(if $(value LABELS),--labels "$$LABELS")

reviewed: venv ## go on only if all was reviewed; PLAN=fingerprint
## IMAGE=name@digest is the only image to release
	@$(REVIEW) reviewed --stack "$$STACK" $(if $(value PLAN),--accept "$$PLAN") $(if $(BY_DIGEST),--image "$$IMAGE")

newest: venv ## go on only if the branch is still at this commit
	@$(REVIEW) newest

build: venv ## build and push the image of the stack
	@$(REVIEW) build --stack "$$STACK"

verified: venv ## go on only if the workflow built IMAGE=name@digest
	@$(REVIEW) verified --image "$$IMAGE"

promotable: venv ## pass the live image on, if it is healthy
	@$(REVIEW) promotable --stack "$$STACK"

renewal-due: venv ## pass on whether the certificate is to be renewed
	@$(REVIEW) renewal-due --stack "$$STACK"

renewed: venv ## pass the file with the new certificate on
	@$(REVIEW) renewed --stack "$$STACK"

renewal-branch: venv ## put the certificate FILE=… on a branch
	@$(REVIEW) renewal-branch --stack "$$STACK" --file "$$FILE"

live: venv ## name the image that runs on the server
	@$(REVIEW) live --stack "$$STACK"

scanned: venv ## keep an issue about a scan of IMAGE=name@digest
	@$(REVIEW) scanned --stack "$$STACK" $(if $(BY_DIGEST),--image "$$IMAGE")
# IMAGE has a default, of another meaning, for `make image`
BY_DIGEST = $(findstring @,$(value IMAGE))

released: venv ## show the release: outputs and a note
	@$(REVIEW) released --stack "$$STACK"

smoke: venv ## try the URLs of the stack
	@$(REVIEW) smoke --stack "$$STACK"

evidence: venv ## keep the stack's answers, in .local/evidence
	@$(REVIEW) evidence --stack "$$STACK"

##@ Upkeep, as the workflows call it

drift: venv ## compare the stack with its program; keeps an issue
	@$(REVIEW) drift --stack "$$STACK"

ssh-open: venv ## let this machine in; ADDRESS=, MINUTES=, EXISTING=1
	@$(REVIEW) ssh-open --stack "$$STACK" \
		$(if $(value ADDRESS),--address "$$ADDRESS") $(if $(value MINUTES),--minutes "$$MINUTES") $(if $(EXISTING),--existing)

ssh-close: venv ## delete the rule of ssh-open
	@$(REVIEW) ssh-close --stack "$$STACK"

images: venv ## delete old images from GHCR; KEEP=10; DRY=1 shows them
	@$(REVIEW) images --stack "$$STACK" $(if $(value KEEP),--keep "$$KEEP") $(if $(DRY),--dry-run)

pr-stack: venv ## configure the stack of a pull request: STACK=pr-12
	@$(REVIEW) pr-stack --stack "$$STACK"

pr-cleanup: venv ## take down the stacks of pull requests that are over
	@$(REVIEW) pr-cleanup

github-check: venv ## list the missing parts of the repository on GitHub
	@$(REVIEW) github

##@ This machine

tools: venv ## get the engine and its plugins, as all commands do
	@$(TOOLS) tools

venv: ## make the Python environment
	@$(TOOLS) venv

docker: venv ## make sure that a Docker engine runs
	@$(TOOLS) docker

clean: ## drop the caches of all clones, after a question; YES=1
	@$(TOOLS) clean $(if $(YES),--yes)

# a name without a rule; quoted for the shell, as a person typed it
.DEFAULT:
	@$(TOOLS) unknown -- '$(subst ','\'',$@)'
