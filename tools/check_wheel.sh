#!/usr/bin/env bash
# Installs the wheel in dist/ into a fresh environment and runs the demo there, away from the source.
set -euo pipefail

here=$(pwd)
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
wheel=$(ls "$here"/dist/napari_catsam-*.whl)

"$here/.venv/bin/python" -m venv "$fresh/venv"
"$fresh/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$wheel[pyqt6]"
cd "$fresh"
"$here/tools/with_display.sh" "$fresh/venv/bin/napari-catsam" demo --headless --out "$fresh/demo"
ls "$fresh/demo"
