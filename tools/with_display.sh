#!/usr/bin/env bash
# Runs a command on the display of this computer, or on a virtual one where there is none.
set -euo pipefail

if [ "$(uname -s)" = Linux ] && [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
    exec xvfb-run -a -s "-screen 0 1600x1200x24" "$@"
fi
exec "$@"
