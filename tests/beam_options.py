"""Beam's arguments in tests of single steps: those of a run, for without them TFX packs its own source each time."""

from typing import Final

from pipeline.configuration.config import PipelineConfig

IN_MEMORY: Final = PipelineConfig.model_construct().beam_pipeline_args
