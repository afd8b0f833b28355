# Needs Python 3.11 or newer, git and make. `make run` and `make test` install the rest into .venv.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
# Most tests wait for a server.
SPREAD := --numprocesses 3 --dist worksteal
# What has a target of its own, as it needs more than Python.
ELSEWHERE := --ignore tests/languages --ignore tests/clients --ignore tests/containers
LOCK := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command 'make lock'

.PHONY: help run demo test test-lowest test-newest test-kit test-languages test-typescript test-csharp test-clients test-go test-java test-projects-newest beside bench bench-quick profile costs waits fuzz watching pictures soak audit openapi format lock lint-openapi image test-image
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

run: .venv/runtime ## serve on 127.0.0.1:8080; ARGS="--strict …" adds options
	@$(BIN)/workflow-mock serve $(ARGS)

demo: .venv/runtime ## a server of its own, a token, a start of an execution, and the end
	@$(BIN)/python examples/demo.py

test: .venv/dev ## format, lint, type and test checks; ARGS="tests/api -k …" runs these tests alone
ifdef ARGS
	$(BIN)/pytest -q $(ARGS)
else
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q $(SPREAD) $(ELSEWHERE)
endif

test-lowest: .venv/dev ## the tests with the lowest releases that pyproject.toml allows, in .venv-lowest
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	.venv-lowest/bin/pip install --quiet --disable-pip-version-check uv
	.venv-lowest/bin/uv pip compile --quiet --resolution lowest-direct pyproject.toml --extra docs -o .venv-lowest/lowest.txt
	.venv-lowest/bin/uv pip install --quiet --python .venv-lowest -r .venv-lowest/lowest.txt
	.venv-lowest/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . -e kit
	FUZZ_EXAMPLES=3 .venv-lowest/bin/pytest -q $(SPREAD) $(ELSEWHERE) $(ARGS)

test-newest: .venv/dev ## the tests with the newest releases of everything, ceilings left aside, in .venv-newest
	$(PYTHON) -m venv .venv-newest
	.venv-newest/bin/pip install --quiet --disable-pip-version-check uv
	sed -E 's/(>=[0-9.]+),<[0-9.]+/\1/' pyproject.toml > .venv-newest/pyproject.toml
	.venv-newest/bin/uv pip install --quiet --python .venv-newest -r .venv-newest/pyproject.toml --extra docs \
		--group .venv-newest/pyproject.toml:dev
	.venv-newest/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . -e kit
	.venv-newest/bin/pytest -q $(SPREAD) $(ELSEWHERE) $(ARGS)

test-kit: .venv/dev ## the kit's wheel beside older releases of what the server needs, in .venv-kit
	rm -rf .venv-kit
	$(PYTHON) -m venv .venv-kit
	$(BIN)/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir .venv-kit/wheels ./kit
	.venv-kit/bin/pip install --quiet --disable-pip-version-check .venv-kit/wheels/*.whl \
		"pydantic<2.12" "fastapi<0.130" pytest requests syrupy
	cd examples/python && PATH=$(CURDIR)/$(BIN):$$PATH $(CURDIR)/.venv-kit/bin/pytest -q -p no:cacheprovider

test-languages: .venv/dev ## the TypeScript, Java, C# and Go of docs/clients.md; needs node, java, go and mono's mcs
	$(BIN)/pytest -q tests/languages/test_other_languages.py

test-typescript: .venv/dev ## the project in examples/typescript, and what it says of a missing server; needs node and npm
	cd examples/typescript && npm ci --silent && npm run --silent types && npm run --silent check
	cd examples/typescript && CI=1 PATH=$(CURDIR)/$(BIN):$$PATH npm test --silent
	$(BIN)/pytest -q tests/languages/test_typescript_project.py

test-go: .venv/dev ## the project in examples/go, what it says of a missing server, and the traps of docs/go.md; needs go
	cd examples/go && test -z "$$(gofmt -l . | tee /dev/stderr)" && go vet ./...
	cd examples/go && PATH=$(CURDIR)/$(BIN):$$PATH go test -count=1 ./...
	$(BIN)/pytest -q tests/languages/test_go_project.py

test-java: .venv/dev ## the project in examples/java, what it says of a missing server, and the traps of docs/java.md; needs mvn
	cd examples/java && PATH=$(CURDIR)/$(BIN):$$PATH mvn --batch-mode --no-transfer-progress test
	$(BIN)/pytest -q tests/languages/test_java_project.py

test-projects-newest: .venv/dev ## the tests of examples/go and examples/java with the newest releases of what they need, in .newest
	rm -rf .newest
	mkdir .newest
	cp -r examples/go examples/java .newest
	cd .newest/go && go get -u ./... && PATH=$(CURDIR)/$(BIN):$$PATH go test -count=1 ./...
	cd .newest/java && mvn --batch-mode --no-transfer-progress -DgenerateBackupPoms=false \
		org.codehaus.mojo:versions-maven-plugin:2.21.0:use-latest-releases
	cd .newest/java && PATH=$(CURDIR)/$(BIN):$$PATH mvn --batch-mode --no-transfer-progress test

test-csharp: .venv/dev ## the project in examples/csharp; needs the .NET 10 SDK and a way to its packages
	cd examples/csharp && PATH=$(CURDIR)/$(BIN):$$PATH dotnet run

test-clients: .venv/dev .clients/venv .clients/typescript/node_modules ## clients that generators make of both contracts; needs node, java, mvn and go; ARGS="-k orval"
	$(BIN)/pytest -q tests/clients $(ARGS)

beside: .venv/dev ## random requests to this server and to PLATFORM=http://…, which trusts KEY=key.pem; SEED and REQUESTS
	@$(BIN)/python benchmarks/beside.py $(PLATFORM) $(KEY) --seed $(or $(SEED),1) --requests $(or $(REQUESTS),6000)

bench: .venv/dev ## every figure of docs/performance.md, 20 minutes; needs wrk, taskset, node and java
	$(BIN)/python benchmarks/run.py

bench-quick: .venv/dev ## the floors and ours in some minutes; needs wrk and taskset
	$(BIN)/python benchmarks/run.py --quick

profile: .venv/dev ## where the time of a start goes
	@$(BIN)/python benchmarks/profile_start.py

fuzz: .venv/dev ## a long run of the fuzzers and the property tests, half an hour or so
	FUZZ_EXAMPLES=1000 $(BIN)/pytest -q -m "fuzz or hypothesis" --durations 0 -rP

costs: .venv/dev ## what thousands of executions, faults, workflows and requests cost
	@$(BIN)/python benchmarks/costs.py

waits: .venv/dev ## how long a client waits while others make the largest calls
	@$(BIN)/python benchmarks/waits.py

watching: .venv/dev ## what it costs the server that pages and listeners to events are open
	@$(BIN)/python benchmarks/watching.py

pictures: .venv/dev ## the pictures of the page in docs/pictures; needs Chromium
	@$(BIN)/python benchmarks/pictures.py

soak: .venv/dev ## a million starts: memory and latency before and after
	$(BIN)/python benchmarks/soak.py

audit: .venv/dev ## known holes in what is installed; needs a way to the package index
	$(BIN)/pip-audit --disable-pip -r requirements.lock

openapi: .venv/dev ## write the control plane's contract anew
	$(BIN)/workflow-mock openapi --admin > .admin-api.yaml
	mv .admin-api.yaml openapi/admin-api.yaml

format: .venv/dev ## put the code into its form
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

lint-openapi: ## Redocly's and Spectral's recommended rules; needs node and npm
	cd openapi/lint && npm ci --silent && npm run --silent lint

lock: .venv/dev ## resolve the dependencies anew, for Python 3.11 to 3.14 on every platform
	$(BIN)/pip install --quiet uv
	$(LOCK) pyproject.toml --extra docs -o requirements.lock
	$(LOCK) --group build -o requirements-build.lock
	$(LOCK) pyproject.toml --extra docs --group dev -c requirements.lock -c requirements-build.lock -o requirements-dev.lock
	$(LOCK) tests/clients/python/requirements.in -o tests/clients/python/requirements.txt

image: ## the container image
	docker build -t workflow-mock .

test-image: .venv/dev ## the image, run by Docker; IMAGE=… tries another than workflow-mock
	WORKFLOW_MOCK_IMAGE=$(or $(IMAGE),workflow-mock) $(BIN)/pytest -q tests/containers

# The stamps: what is installed is what the locks say, and is looked at again when they change.
.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 …" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/runtime: .venv/bin/python requirements.lock requirements-build.lock pyproject.toml
	$(PIP) --require-hashes -r requirements.lock -r requirements-build.lock
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev: .venv/runtime requirements-dev.lock kit/pyproject.toml
	$(PIP) --require-hashes -r requirements-dev.lock
	$(PIP) --no-deps --no-build-isolation -e kit
	@touch $@

.clients/venv: tests/clients/python/requirements.txt
	$(PYTHON) -m venv $@
	$@/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.clients/typescript/node_modules: tests/clients/typescript/package-lock.json
	mkdir -p $(@D)
	cp tests/clients/typescript/package.json tests/clients/typescript/package-lock.json tests/clients/typescript/.npmrc $(@D)
	cd $(@D) && npm ci --silent
	@touch $@
