"""The former name of `python -m registry.archive`. It goes away with the version after this one."""

import sys

from registry.archive import main

if __name__ == "__main__":
    print(
        "python -m serving.archive is called python -m registry.archive now: the old name goes away.", file=sys.stderr
    )
    sys.exit(main())
