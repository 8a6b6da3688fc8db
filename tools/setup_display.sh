#!/usr/bin/env bash
# Sees to it that Qt can open a window with OpenGL on this computer, on a virtual display if need be.
# On Debian and Ubuntu as root it installs what is missing; elsewhere it names it and stops.
set -euo pipefail

[ "$(uname -s)" = Linux ] || exit 0 # macOS brings all of it

# What Qt's X11 platform loads, and the Debian package that has it.
libraries="
libGL.so.1 libgl1
libEGL.so.1 libegl1
libX11.so.6 libx11-6
libX11-xcb.so.1 libx11-xcb1
libdbus-1.so.3 libdbus-1-3
libfontconfig.so.1 libfontconfig1
libglib-2.0.so.0 libglib2.0-0
libxkbcommon.so.0 libxkbcommon0
libxkbcommon-x11.so.0 libxkbcommon-x11-0
libxcb-cursor.so.0 libxcb-cursor0
libxcb-icccm.so.4 libxcb-icccm4
libxcb-image.so.0 libxcb-image0
libxcb-keysyms.so.1 libxcb-keysyms1
libxcb-randr.so.0 libxcb-randr0
libxcb-render-util.so.0 libxcb-render-util0
libxcb-shape.so.0 libxcb-shape0
libxcb-sync.so.1 libxcb-sync1
libxcb-util.so.1 libxcb-util1
libxcb-xfixes.so.0 libxcb-xfixes0
libxcb-xkb.so.1 libxcb-xkb1
"

missing_libraries() {
    local installed library package
    installed=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null || true)
    [ -n "$installed" ] || return 0 # no way to tell here
    while read -r library package; do
        if [ -n "$library" ] && ! grep -qF "$library" <<<"$installed"; then
            echo "$package"
        fi
    done <<<"$libraries"
}

has_software_opengl() {
    local pattern
    for pattern in /usr/lib{,64}/{,*/}dri/swrast_dri.so /usr/lib{,64}/{,*/}libgallium*.so; do
        if compgen -G "$pattern" >/dev/null; then
            return 0
        fi
    done
    return 1
}

missing_programs() {
    [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || return 0
    command -v Xvfb >/dev/null && command -v xvfb-run >/dev/null || echo xvfb
    command -v xauth >/dev/null || echo xauth
    has_software_opengl || echo libgl1-mesa-dri
}

missing=$( (missing_libraries; missing_programs) | sort -u | tr '\n' ' ')
[ -n "${missing// /}" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "Qt cannot open a window here. Please install what your system calls (Debian names): $missing" >&2
    exit 1
fi
if [ "$(id -u)" != 0 ]; then
    echo "Qt cannot open a window here. Please run: sudo apt-get install $missing" >&2
    exit 1
fi
echo "Installing what Qt needs to draw: $missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq </dev/null
# shellcheck disable=SC2086  # a list of words
apt-get install -y -qq --no-install-recommends $missing </dev/null >/dev/null
