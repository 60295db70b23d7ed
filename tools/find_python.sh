#!/bin/sh
# Prints a Python that Seatrial can run on: 3.11 or later, able to make virtual environments.
set -eu

for name in ${PYTHON:-} python3.13 python3.12 python3.11 python3; do
    found=$(command -v "$name") || continue
    # A name on PATH may be a shim for a version that is not installed, so each is asked.
    if "$found" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' \
        >/dev/null 2>&1; then
        printf '%s\n' "$found"
        exit 0
    fi
done
printf '%s\n' "seatrial: Python 3.11 or later with venv required, none found on PATH; install it (on Debian: apt install python3 python3-venv), or name one in PYTHON" >&2
exit 3
