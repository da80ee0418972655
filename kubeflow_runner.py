"""Compiles the pipeline for Kubeflow Pipelines v2: `python kubeflow_runner.py --image IMAGE --data URI --push-dir URI`.

Writes a bare pipeline spec of schema 2.1.0, the one that self-hosted backends accept. The pseudonym key comes from the
environment of the containers.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.config import SCHEMA_FILE, PipelineConfig, read_config
from transform.errors import ReadalikeError


def compile_pipeline(config: PipelineConfig, image: str, out: Path) -> None:
    """Writes the compiled pipeline to `out`, whose name must end in `.yaml`: TFX tells the format by it."""
    from tfx import v1 as tfx

    from pipeline.graph import create_pipeline

    out.parent.mkdir(parents=True, exist_ok=True)
    if config.schema_file == SCHEMA_FILE:  # The image's working folder is the project's: name the file as it is there.
        config = config.model_copy(update={"schema_file": SCHEMA_FILE.relative_to(Path(__file__).resolve().parent)})
    runner = tfx.orchestration.experimental.KubeflowV2DagRunner(
        config=tfx.orchestration.experimental.KubeflowV2DagRunnerConfig(
            default_image=image, use_pipeline_spec_2_1=True
        ),
        output_dir=str(out.parent),
        output_filename=out.name,
    )
    runner.run(create_pipeline(config, pipeline_root="", baseline_dir="", key_file=None), write_out=True)


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
