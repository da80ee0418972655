"""The pipeline as the file that Kubeflow Pipelines v2 takes."""

from pathlib import Path

from pipeline.config import SCHEMA_FILE, PipelineConfig
from transform.errors import ConfigurationError


def compile_pipeline(config: PipelineConfig, image: str, out: Path) -> None:
    """Writes the compiled pipeline to `out`, whose name must end in `.yaml`: TFX tells the format by it."""
    if not image:
        raise ConfigurationError("--image: missing. Name the container image with this code.")

    from tfx import v1 as tfx

    from pipeline.graph import create_pipeline

    out.parent.mkdir(parents=True, exist_ok=True)
    if config.schema_file == SCHEMA_FILE:  # The image's working folder is the project's: name the file as it is there.
        config = config.model_copy(update={"schema_file": SCHEMA_FILE.relative_to(SCHEMA_FILE.parents[2])})
    runner = tfx.orchestration.experimental.KubeflowV2DagRunner(
        config=tfx.orchestration.experimental.KubeflowV2DagRunnerConfig(
            default_image=image, use_pipeline_spec_2_1=True
        ),
        output_dir=str(out.parent),
        output_filename=out.name,
    )
    runner.run(create_pipeline(config, pipeline_root="", baseline_dir="", key_file=None), write_out=True)
