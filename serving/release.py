"""The former name of `python -m registry.release`. It goes away with the version after this one."""

import sys

from registry.release import main

if __name__ == "__main__":
    print(
        "python -m serving.release is called python -m registry.release now: the old name goes away.", file=sys.stderr
    )
    sys.exit(main())
