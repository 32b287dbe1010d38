# Every target works in a fresh clone: what it needs it makes, in .venv and nowhere else.
#
#   make demo      the whole program against a built-in sandbox of the five providers, no account needed
#   make test      all checks and all tests
#   make check     format, lint, types, layers
#   make docs      the documents as a site with search, in build/site; a broken link is an error
#   make fmt       write the format
#   make lock      pin the ranges of pyproject.toml anew (UPGRADE=1: to the newest versions)
#   make lowest    the fast tests on the oldest versions that pyproject.toml allows
#   make fuzz      requests of every kind against the API, held to its own description (schemathesis)
#   make dist      wheel and source package in dist/, the same bytes from every build of one commit
#   make dist-check  these as their users get them: by pip, pipx and uvx, each with a demo
#   make sbom      the bill of materials of what runs, in dist/
#   make licences  write the licences of what runs into docs/licences.md
#   make pythons   the tests on every supported Python: PYTHONS="3.12 /path/to/python3.14" TESTS=tests/unit
#   make bench     polls and deliveries per second, as ratios to bare loops; polls by adapter file, to those by code
#   make scale     1 to 3 replicas on one PostgreSQL, the lock of the cursor, growth with watches and endpoints
#   make archive   how long polls and deliveries wait while a month of a million events goes to the archive
#   make pages     milliseconds of every page with INVOICES=100000, on SQLite, or DATABASE=postgresql
#   make footprint CPU to start, CPU and memory while idle
#   make peers     urlwatch, webchanges and procrastinate beside this program, in one run
#   make hints     how soon changes are sent with hints and without, and what a flood of hints does
#   make chaos     break the running program in every way, and account for every event: KILLS=1000 SEED=1 JOBS=2
#   make takeover  how long until another replica does what a lost one held
#   make simulate  the service in simulated worlds: SEEDS=100 of them, DAYS=10 long, from FIRST=1 on, JOBS=2 at once
#   make season    ninety days of 10,000 invoices: one overdue for each due date that passed unpaid
#   make screenshots  the pictures in docs/images, of the running program in Chromium
#   make container build the image with podman or docker, and try it: BASE=, IMAGE=, ENGINE=, BUILD_FLAGS= (docs/container.md)
#   make install   the program and its systemd service into PREFIX, or newer ones over those (DESTDIR is honoured)
#   make uninstall remove these; configuration and database stay
#   make clean     remove what make has made
#
# PYTHON=/path/to/python chooses the interpreter; any from 3.11 on will do.

.DEFAULT_GOAL := help
.PHONY: help demo test check docs fmt lock lowest fuzz dist dist-check sbom licences pythons bench scale archive pages footprint peers hints chaos takeover simulate season screenshots container install uninstall clean

VENV := .venv
DOCS := .venv-docs
PEERS := .venv-peers
RELEASE := .venv-release
PY := $(VENV)/bin/python
PIP := $(PY) -m pip -qq --disable-pip-version-check --no-input
UV_COMPILE := $(PY) -m uv --no-config --quiet pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

PREFIX := /opt/invoice-watcher
UNITS := /etc/systemd/system
CONFIG := $(DESTDIR)/etc/invoice-watcher
DROP_INS := $(DESTDIR)$(UNITS)/invoice-watcher.service.d
INSTANCES := $(DESTDIR)$(UNITS)/invoice-watcher@.service.d
PROGRAM := $(DESTDIR)$(PREFIX)/lib/invoice-watcher
DATABASE := sqlite:////var/lib/invoice-watcher/invoice-watcher.db
# What stands in the repository names the default prefix.
PREFIXED := sed 's|/opt/invoice-watcher/|$(PREFIX)/|g'

define FIND_PYTHON
	found=; for candidate in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
		"$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && found=$$candidate && break; \
	done; \
	if [ -z "$$found" ]; then \
		echo "Invoice Watcher needs Python 3.11 or newer, and $(or $(PYTHON),python3) is missing or older." >&2; \
		echo "Install one, or name it: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; \
	fi; \
	if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "This Python cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; \
	fi
endef

# An interpreter that was replaced or removed since leaves an environment that only looks whole.
ifneq ($(wildcard $(VENV)),)
ifneq ($(shell $(PY) -c "print('works')" 2>&1),works)
$(shell rm -f $(VENV)/*.stamp)
endif
endif

help:
	@sed -n 's/^#   make/  make/p' Makefile

demo: $(VENV)/run.stamp
	@$(PY) -m watcher demo

test: check docs
	@echo "Running the tests"
	@$(PY) -m pytest -q -n auto --dist worksteal

check: $(VENV)/dev.stamp
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m basedpyright --pythonpath $(PY)
	@$(PY) $(VENV)/bin/lint-imports --no-cache > $(VENV)/layers.txt || { cat $(VENV)/layers.txt; exit 1; }
	@tail -n 1 $(VENV)/layers.txt

docs: $(DOCS)/docs.stamp
	@echo "Building the site"
	@rm -rf build/site
	@$(DOCS)/bin/python -m sphinx --quiet --fail-on-warning --nitpicky -d build/doctrees -c docs/site . build/site
	@echo "See build/site/index.html"

fmt: $(VENV)/dev.stamp
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .

lock: $(VENV)/dev.stamp
	@echo "Pinning the ranges of pyproject.toml"
	@$(UV_COMPILE) pyproject.toml --all-extras --group build --output-file requirements/run.txt
	@$(UV_COMPILE) pyproject.toml --all-extras --group build --group dev --constraint requirements/run.txt \
		--output-file requirements/dev.txt
	@$(UV_COMPILE) --group peers --output-file requirements/peers.txt
	@$(UV_COMPILE) --group docs --output-file requirements/docs.txt
	@$(UV_COMPILE) --group release --output-file requirements/release.txt

lowest: $(VENV)/dev.stamp
	@echo "Installing the oldest allowed versions"
	@rm -rf $(VENV)/lowest && $(PY) -m uv --no-config --quiet venv --python $(PY) $(VENV)/lowest
	@$(PY) -m uv --no-config --quiet pip install --python $(VENV)/lowest --resolution lowest-direct \
		--group build --group dev --editable '.[notify,postgresql]'
	@$(VENV)/lowest/bin/python -m pytest -q -n auto --dist worksteal -p no:cacheprovider tests/unit tests/contract \
		tests/integration/cli tests/integration/web tests/integration/webhook tests/browser

fuzz: $(VENV)/dev.stamp
	@echo "Installing schemathesis, apart from what the locks pin"
	@rm -rf $(VENV)/fuzz && $(PY) -m uv --no-config --quiet venv --python $(PY) $(VENV)/fuzz
	@$(PY) -m uv --no-config --quiet pip install --python $(VENV)/fuzz "schemathesis>=4,<5"
	@$(PY) -m tests.fuzz $(VENV)/fuzz/bin/schemathesis

dist: $(VENV)/dev.stamp
	@$(PY) -m release.build

dist-check: dist $(RELEASE)/release.stamp
	@$(PY) -m release.check $(RELEASE)/bin

sbom: dist $(RELEASE)/release.stamp
	@$(PY) -m release.sbom $(RELEASE)/bin

licences: $(VENV)/dev.stamp
	@$(PY) -m release.licences

pythons: $(VENV)/dev.stamp
	@$(PY) -m release.pythons --pythons "$(PYTHONS)" $(TESTS)

bench: $(VENV)/dev.stamp
	@$(PY) -m tests.benchmarks.polls
	@$(PY) -m tests.benchmarks.deliveries
	@$(PY) -m tests.benchmarks.lists
	@$(PY) -m tests.benchmarks.adapter_files

scale: $(VENV)/dev.stamp
	@$(PY) -m tests.benchmarks.replicas
	@$(PY) -m tests.benchmarks.cursor
	@$(PY) -m tests.benchmarks.growth

archive: $(VENV)/dev.stamp
	@$(PY) -m tests.benchmarks.retention

pages: $(VENV)/dev.stamp
	@$(PY) -m tests.benchmarks.pages --invoices $(or $(INVOICES),100000) $(if $(DATABASE),--database $(DATABASE))

footprint: $(VENV)/dev.stamp
	@$(PY) -m tests.benchmarks.footprint

peers: $(VENV)/dev.stamp $(PEERS)/peers.stamp
	@$(PY) -m tests.benchmarks.peers $(PEERS)/bin/python

# On SQLite; and half as many kills on PostgreSQL, with three replicas.
chaos: KILLS := 1000
chaos: SEED := $(shell date +%s)
chaos: JOBS := 2
chaos: $(VENV)/dev.stamp
	@$(PY) -m tests.chaos --database sqlite --kills $(KILLS) --seed $(SEED) --jobs $(JOBS)
	@$(PY) -m tests.chaos --database postgresql --kills $$(($(KILLS) / 2)) --seed $(SEED) --jobs $(JOBS)

hints: $(VENV)/dev.stamp
	@$(PY) -m tests.benchmarks.hints

takeover: $(VENV)/dev.stamp
	@$(PY) -m tests.benchmarks.takeover

simulate: $(VENV)/dev.stamp
	@$(PY) -m tests.simulation --seeds $(or $(SEEDS),100) --days $(or $(DAYS),10) --first $(or $(FIRST),1) $(if $(JOBS),--jobs $(JOBS))

season: $(VENV)/dev.stamp
	@$(PY) -m tests.unit.core.invoices.season

screenshots: $(VENV)/dev.stamp
	@$(PY) -m tests.browser.screenshots

# The OCI format, podman's default, has no place for the health check.
container: ENGINE := $(firstword $(shell command -v podman docker))
container: IMAGE := invoice-watcher
container: $(VENV)/python.stamp
	@[ -n "$(ENGINE)" ] || { echo "make container needs podman or docker, and neither is installed." >&2; exit 1; }
	@BUILDAH_FORMAT=docker $(ENGINE) build --file Containerfile --tag $(IMAGE) $(if $(BASE),--build-arg BASE=$(BASE)) \
		--build-arg VERSION=$$(sed -n 's/^__version__ = "\(.*\)"/\1/p' watcher/__init__.py) \
		--build-arg REVISION=$$(git rev-parse HEAD 2>/dev/null || echo unknown) $(BUILD_FLAGS) .
	@$(PY) -m tests.container $(ENGINE) $(IMAGE)

# Made beside what runs and then put in its place: a failed install leaves the old one whole. Nothing in it may depend
# on where it was made, so the scripts of the environment go: the launcher in bin and the unit name its Python.
install:
	@set -e; umask 022; $(FIND_PYTHON); \
	home=$$("$$found" -c 'import os, sys; print(os.path.realpath(sys.base_prefix))'); \
	if echo "$$home" | grep -Eq '^/(home|root|run/user)/'; then \
		echo "$$found lives in $$home, and the service sees no home directories." >&2; \
		echo "Name another: make install PYTHON=/usr/bin/python3" >&2; exit 1; \
	fi; \
	echo "Installing into $(DESTDIR)$(PREFIX) with $$("$$found" --version)"; \
	new="$(PROGRAM).new"; pip="$$new/bin/python -m pip -qq --disable-pip-version-check --no-input install --no-compile"; \
	rm -rf "$$new" "$(PROGRAM).old"; mkdir -p "$(dir $(PROGRAM))"; "$$found" -m venv "$$new"; \
	$$pip --require-hashes --requirement requirements/run.txt; \
	$$pip --no-deps --no-build-isolation .; \
	find "$$new/bin" -type f ! -name 'python*' -delete; \
	"$$new/bin/python" -m compileall -q -s "$$new" -p "$(PREFIX)/lib/invoice-watcher" "$$new"; \
	if [ -e "$(PROGRAM)" ]; then mv "$(PROGRAM)" "$(PROGRAM).old"; fi; \
	mv "$$new" "$(PROGRAM)"; rm -rf "$(PROGRAM).old"
	@set -e; umask 022; install -d "$(DESTDIR)$(PREFIX)/bin" "$(DROP_INS)" "$(CONFIG)"; \
	$(PREFIXED) systemd/invoice-watcher.sh > "$(DESTDIR)$(PREFIX)/bin/invoice-watcher"; \
	chmod 755 "$(DESTDIR)$(PREFIX)/bin/invoice-watcher"; \
	for unit in invoice-watcher.service invoice-watcher@.service; do \
		$(PREFIXED) systemd/$$unit > "$(DESTDIR)$(UNITS)/$$unit"; \
	done; \
	[ -e "$(DROP_INS)/credentials.conf" ] || install -m 644 systemd/credentials.conf "$(DROP_INS)"; \
	[ -e "$(INSTANCES)" ] || { install -d "$(INSTANCES)"; \
		ln -s ../invoice-watcher.service.d/credentials.conf "$(INSTANCES)/credentials.conf"; }; \
	[ -e "$(CONFIG)/credentials" ] || install -d -m 700 "$(CONFIG)/credentials"; \
	if [ ! -e "$(CONFIG)/watcher.toml" ]; then \
		"$(PROGRAM)/bin/python" -I -m watcher init "$(CONFIG)" >/dev/null; \
		sed -i 's|"sqlite:///invoice-watcher.db"|"$(DATABASE)"|' "$(CONFIG)/watcher.toml"; \
	fi
	@echo "Next: systemd/README.md, under Credentials, or under Upgrade where it was installed before"

uninstall:
	@rm -rf "$(PROGRAM)" "$(PROGRAM).new" "$(PROGRAM).old"
	@rm -f "$(DESTDIR)$(PREFIX)/bin/invoice-watcher" "$(DESTDIR)$(UNITS)/invoice-watcher.service" \
		"$(DESTDIR)$(UNITS)/invoice-watcher@.service"
	@rmdir "$(DESTDIR)$(PREFIX)/lib" "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(PREFIX)" 2>/dev/null || true
	@echo "Left in place: $(CONFIG), $(DROP_INS), /var/lib/invoice-watcher"

clean:
	@rm -rf $(VENV) $(DOCS) $(PEERS) $(RELEASE) .venv-pythons build dist *.egg-info .pytest_cache .ruff_cache \
		.hypothesis .import_linter_cache .coverage tests/interop/node_modules tests/browser/node_modules
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/python.stamp:
	@$(FIND_PYTHON); \
	echo "Making $(VENV) with $$("$$found" --version)"; \
	"$$found" -m venv --clear $(VENV)
	@touch $@

$(VENV)/run.stamp: $(VENV)/python.stamp requirements/run.txt pyproject.toml
	@echo "Installing what Invoice Watcher runs on"
	@$(PIP) install --require-hashes --requirement requirements/run.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/python.stamp requirements/dev.txt pyproject.toml
	@echo "Installing what Invoice Watcher is checked and tested with"
	@$(PIP) install --require-hashes --requirement requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $(VENV)/run.stamp $@

$(DOCS)/docs.stamp: $(VENV)/dev.stamp requirements/docs.txt
	@echo "Installing what builds the site, apart from what the locks pin"
	@rm -rf $(DOCS) && $(PY) -m uv --no-config --quiet venv --python $(PY) $(DOCS)
	@$(PY) -m uv --no-config --quiet pip install --python $(DOCS) --require-hashes --requirement requirements/docs.txt
	@touch $@

$(PEERS)/peers.stamp: $(VENV)/dev.stamp requirements/peers.txt
	@echo "Installing the programs to compare with, apart from what the locks pin"
	@rm -rf $(PEERS) && $(PY) -m uv --no-config --quiet venv --python $(PY) $(PEERS)
	@$(PY) -m uv --no-config --quiet pip install --python $(PEERS) --require-hashes --requirement requirements/peers.txt
	@touch $@

$(RELEASE)/release.stamp: $(VENV)/dev.stamp requirements/release.txt
	@echo "Installing what packages are checked with, apart from what the locks pin"
	@rm -rf $(RELEASE) && $(PY) -m uv --no-config --quiet venv --python $(PY) $(RELEASE)
	@$(PY) -m uv --no-config --quiet pip install --python $(RELEASE) --require-hashes --requirement requirements/release.txt
	@touch $@
