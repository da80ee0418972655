#!/bin/sh
# Prints the path of a Python that can carry the environment: 3.10 to 3.13, starts, has the venv module.
# One with headers is preferred; PYTHON=… overrides the search.
usable='
import sys, sysconfig, os, venv
ok = (3, 10) <= sys.version_info < (3, 14)
headers = os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h"))
print(sys.executable if ok and (headers or "any" in sys.argv) else "")
'
for want in headers any; do
    for name in ${PYTHON:-python3.11 python3.12 python3.10 python3.13 python3 /usr/bin/python3}; do
        found=$("$name" -c "$usable" "$want" 2>/dev/null)
        if [ -n "$found" ]; then
            echo "$found"
            exit 0
        fi
    done
done
echo "No usable Python: needed is 3.10 to 3.13 with its headers; looked for ${PYTHON:-python3.10 to python3.13} on PATH." >&2
echo "Install one (Debian, Ubuntu: apt-get install python3 python3-dev), or name it: make setup PYTHON=/path/to/python3.12" >&2
exit 1
