# `make demo` runs the main job end to end, `make test whole` the tests. Each makes its own set-up: Python 3.11+ is enough.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test whole faults fuzz soak scale check site packages smoke audit clean web web-current

demo: .venv/demo
	$(BIN)/ilk demo

# Two processes of one thread each: threads that wait for each other's turn cost more than they bring.
PYTEST = OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

# The units: minutes. File by file, so that what the tests of a file share is made once.
test: .venv/test
	$(PYTEST) --dist loadfile -m "not whole"

# From end to end: pages, notebooks, browsers, processes that are killed.
whole: .venv/test
	$(PYTEST) -m whole

# The long run of the tests of faults: writers killed 500 times, full disks, hundreds of random programs; every
# verb with every fault, at two moments of each.
faults: .venv/test
	OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 $(BIN)/python -m tests.space.faults --kills 500
	ILK_PROGRAMS=30 OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 $(BIN)/python -m pytest --timeout 1800 tests/space/test_properties.py
	OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 $(BIN)/python -W ignore -m tests.faults --each 2

# Damaged files of every kind, for about an hour.
fuzz: .venv/test
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz --examples 5000
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz.guided -max_total_time=1200

# An hour of adding, searching, deleting, compacting and looking on one space: does anything grow?
soak: .venv/test
	OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 $(BIN)/python -m tests.soak

# Learning on a Ray cluster of two cores here, a worker killed in the middle: minutes, mostly of starting.
scale: .venv/test
	$(BIN)/python -m tests.training.ray_train

check: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The pages as a site that needs nothing from outside: build/site/index.html.
site: .venv/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# The same bytes from the same commit: built twice, compared.
packages: .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check build
	rm -rf dist build/commit build/again
	mkdir -p build/commit
	commit=$$(git rev-parse HEAD) && export SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct $$commit) && \
	git archive $$commit | tar -x -C build/commit && \
	$(BIN)/python -m build --outdir dist build/commit >/dev/null && \
	umask 077 && $(BIN)/python -m build --outdir build/again build/commit >/dev/null
	for made in dist/*; do cmp $$made build/again/$${made#dist/} || exit 1; done

# The wheel in a clean environment, through every stage.
smoke: packages
	$(BIN)/python -m tests.smoke dist

# Known holes in what ilk depends on, and licences that would bind its users.
audit: .venv/test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-audit
	$(BIN)/python -m tests.licences
	$(BIN)/python -m tests.holes

# `make web` rebuilds the page of `ilk look`: its build is committed, so that only this needs Node.
web: web/node_modules/.package-lock.json
	cd web && npm run check && npm test && npm run build

# For CI: the committed build is what the sources make.
web-current: web/node_modules/.package-lock.json
	cd web && npm run check && npm test && ./current.sh

web/node_modules/.package-lock.json: web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	touch $@

clean:
	rm -rf .venv

# A stamp for each set-up, so that the second time is quick; a changed pyproject.toml makes it anew.
.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("ilk needs Python 3.11 or newer; give one: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv

.venv/demo: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[look]'
	touch $@

.venv/test: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[astro,dev]'
	touch $@ .venv/demo

.venv/site: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	touch $@
