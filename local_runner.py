"""Runs the pipeline on this machine: `python local_runner.py --data PATH --work-dir DIR --push-dir DIR`.

Exit codes: 0 pushed; 1 unexpected failure; 2 bad input or configuration; 3 stopped by a gate; 130 interrupted.
"""

import sys
from collections.abc import Sequence

from pipeline.config import read_config
from pipeline.local_run import run_locally
from serving.showcase import show_pushed
from transform.errors import ReadalikeError


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the pipeline that the command line `argv` describes. Returns the exit code."""
    try:
        return run_locally(read_config(argv, required=["data"]), show_pushed)
    except ReadalikeError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("\ninterrupted; nothing was pushed by halves", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
