#!/usr/bin/env bash
# Makes .venv with a Python that is new enough, and installs this package in it: setup_venv.sh EXTRAS
# PYTHON=/path/to/python chooses the Python.
set -euo pipefail

extras=$1
venv=.venv

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 python; do
        if [ -n "$candidate" ] && command -v "$candidate" >/dev/null && is_new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    echo "No Python 3.11 or newer was found; install one from https://www.python.org/downloads/" \
        "or set PYTHON=/path/to/python." >&2
    return 1
}

install_venv_module() {
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing python3-venv"
        apt-get update -qq </dev/null
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv </dev/null >/dev/null
    fi
    "$1" -c 'import venv, ensurepip' 2>/dev/null || {
        echo "$1 has no venv module; on Debian and Ubuntu: sudo apt-get install python3-venv" >&2
        return 1
    }
}

if ! "$venv/bin/python" -c 'import pip' >/dev/null 2>&1; then
    python=$(find_python)
    "$python" -c 'import venv, ensurepip' 2>/dev/null || install_venv_module "$python"
    echo "Making $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv"
fi
echo "Installing napari-catsam[$extras] in $venv; the first time this takes minutes, torch is large"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable ".[$extras]"
