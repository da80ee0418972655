"""Compiles the pipeline for Kubeflow Pipelines v2: `python kubeflow_runner.py --image IMAGE`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.config import read_config
from pipeline.kubeflow.compiler import compile_pipeline
from transform.errors import ReadalikeError


def main(argv: Sequence[str] | None = None) -> int:
    """Compiles the pipeline that the command line `argv` describes. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="kubeflow_runner.py", description=__doc__, epilog="All flags of local_runner.py are taken too."
    )
    parser.add_argument("--image", required=True, help="container image with this code and its environment")
    parser.add_argument("--out", type=Path, default=Path("build/readalike.yaml"), help="default: %(default)s")
    own, rest = parser.parse_known_args(argv)
    try:
        compile_pipeline(read_config(rest, program="kubeflow_runner.py"), own.image, own.out)
    except ReadalikeError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(f"Compiled {own.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
