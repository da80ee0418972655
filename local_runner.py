"""Runs the pipeline on this machine: `python local_runner.py --data PATH --work-dir DIR --push-dir DIR`.

Exit codes: 0 pushed; 1 unexpected failure; 2 bad input or configuration; 3 stopped by a gate; 130 interrupted.
"""

import gc
import sys
from collections.abc import Sequence

from pipeline.config import read_config
from pipeline.local_run import run_locally
from serving.showcase import show_pushed
from transform.exit_codes import with_exit_code


@with_exit_code("interrupted; nothing was pushed by halves")
def main(argv: Sequence[str] | None = None) -> int:
    """Runs the pipeline that the command line `argv` describes. Returns the exit code."""
    return run_locally(read_config(argv, required=["data"]), show_pushed)


if __name__ == "__main__":
    exit_code = main()
    # An interpreter that ends looks for garbage among all that TFX has loaded, which takes seconds and serves nobody.
    gc.freeze()
    sys.exit(exit_code)
