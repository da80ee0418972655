#!/bin/sh
# Prints the path of a Python that can carry the environment: 3.10 to 3.13, starts, has the modules that set-up needs.
# One with headers is preferred. PYTHON=… overrides the search.
usable='
import ctypes, os, ssl, sys, sysconfig, venv
python = sys.executable
if sys.prefix != sys.base_prefix:  # An activated environment, perhaps our own: take what it was made from.
    python = os.path.join(sys.base_prefix, "bin", "python%d.%d" % sys.version_info[:2])
headers = os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h"))
if (3, 10) <= sys.version_info[:2] <= (3, 13) and os.path.exists(python) and (headers or "any" in sys.argv):
    print(python)
'
if [ -n "${PYTHON:-}" ]; then
    set -- "$PYTHON"
else
    set --
    # A shim on PATH may be there and not start, and hide the system's.
    for version in 3.11 3.12 3.10 3.13; do
        set -- "$@" "python$version" "/usr/local/bin/python$version" "/usr/bin/python$version"
    done
    set -- "$@" python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[0-3].*/bin/python3
fi
for want in headers any; do
    for name in "$@"; do
        found=$("$name" -c "$usable" "$want" 2>/dev/null)
        if [ -n "$found" ]; then
            echo "$found"
            exit 0
        fi
    done
done
echo "No usable Python: needed is 3.10 to 3.13 with ctypes, ssl and venv; looked for ${PYTHON:-python3.10 to python3.13}." >&2
echo "Install one (Debian, Ubuntu: apt-get install python3 python3-dev), or name it: make setup PYTHON=/path/to/python3.12" >&2
exit 1
