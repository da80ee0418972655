"""Runs the pipeline on this machine: `python local_runner.py --data PATH --work-dir DIR --push-dir DIR`.

Exit codes: 0 pushed; 1 unexpected failure; 2 bad input or configuration; 3 stopped by a gate; 130 interrupted.
"""

import gc
import sys
from collections.abc import Sequence

from core.exit_codes import with_exit_code
from pipeline.configuration.config import read_config
from pipeline.local.run import run_locally
from serving.showcase import show_pushed


@with_exit_code("interrupted; nothing was pushed by halves")
def main(argv: Sequence[str] | None = None) -> int:
    """Runs the pipeline with the command line `argv`, and returns the exit code."""
    return run_locally(read_config(argv, required=["data"]), show_pushed)


if __name__ == "__main__":
    exit_code = main()
    # Without it the interpreter collects garbage among all objects of TFX at exit, which takes seconds.
    gc.freeze()
    sys.exit(exit_code)
