# Every target does its own set-up: a virtual environment in .venv and, on Debian as root, what Qt
# needs to draw. `make demo` and `make test` are the two to know; PYTHON=... chooses the Python.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c

BIN := .venv/bin
INSTALLED := .venv/.installed
DOCS_INSTALLED := .venv/.installed-docs

.PHONY: help demo test test-slow monkey lint format docs screenshots bench build check-wheel clean

help:
	@echo "make demo         see it work: boxes to masks, adaptation on one mask, before and after"
	@echo "make test         run the tests"
	@echo "make test-slow    run the long tests, most of which need vit_b at full size"
	@echo "make monkey       200 actions by chance in napari, five seeds; see docs/development.md"
	@echo "make lint         style, types, import contract, plugin manifest"
	@echo "make format       put the source into its style"
	@echo "make docs         build the documentation into site/"
	@echo "make screenshots  take the documentation's pictures again"
	@echo "make bench        run the benchmarks"
	@echo "make build        build and check the packages in dist/"
	@echo "make check-wheel  install the wheel in a fresh environment and run the demo there"
	@echo "make clean        remove what was built; the environment .venv stays"

$(INSTALLED): pyproject.toml
	@tools/setup_venv.sh pyqt6,dev
	@touch $@

$(DOCS_INSTALLED): pyproject.toml
	@tools/setup_venv.sh docs
	@touch $@

demo: $(INSTALLED)
	@tools/setup_display.sh
	@if [ "$$(uname -s)" != Linux ] || [ -n "$${DISPLAY:-}$${WAYLAND_DISPLAY:-}" ]; then \
	    $(BIN)/napari-catsam demo --out demo; \
	else \
	    tools/with_display.sh $(BIN)/napari-catsam demo --headless --out demo; \
	fi

test: $(INSTALLED)
	@tools/setup_display.sh
	@tools/with_display.sh $(BIN)/python -m pytest

test-slow: $(INSTALLED)
	@tools/setup_display.sh
	@tools/with_display.sh $(BIN)/python -m pytest -m slow --timeout 1800

monkey: $(INSTALLED)
	@tools/setup_display.sh
	@tools/with_display.sh $(BIN)/python -m pytest -v -m monkey --durations 0 --durations-min 1 tests/plugin

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/npe2 validate napari-catsam --imports

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(DOCS_INSTALLED)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	$(BIN)/python tools/check_site_is_self_contained.py site

screenshots: $(INSTALLED)
	@tools/setup_display.sh
	@tools/with_display.sh $(BIN)/python tools/screenshots.py

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks.encoder
	$(BIN)/python -m benchmarks.small_model

build: $(INSTALLED)
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/python tools/check_wheel_contents.py dist

check-wheel: build
	@tools/setup_display.sh
	@tools/check_wheel.sh

clean:
	rm -rf dist site demo .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
