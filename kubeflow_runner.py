"""Runs the pipeline on Kubeflow Pipelines v2: `python kubeflow_runner.py [compile|submit|schedule] --help`.

`compile`, the default, writes a bare pipeline spec of schema 2.1.0, the one that self-hosted backends accept.
`submit` runs it, and `schedule` runs it regularly. The pseudonym key comes from the environment of the containers.

Exit codes: 0 done; 1 unexpected failure; 2 bad input or configuration; 3 stopped by a gate; 130 interrupted.
"""

import sys
from collections.abc import Sequence

from core.exit_codes import with_exit_code
from pipeline.kubeflow.cli import run


@with_exit_code()
def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command in `argv`, and returns the exit code."""
    run(sys.argv[1:] if argv is None else argv)
    return 0


if __name__ == "__main__":
    sys.exit(main())
