"""Entrypoint of the containers: `python -m pipeline.kubeflow.pod.entrypoint`, with TFX's arguments.

It is TFX's own entrypoint, extended for a self-hosted backend. It supports every object store of Kubeflow's launcher,
inputs without a type and the backend's own outputs. It has the exit codes and messages of the local runner.

Exit codes: 0 done; 1 unexpected failure; 2 bad input or configuration; 3 stopped by a gate.
"""

import io
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from core.errors import own_error
from core.progress import LOGGER_NAME
from core.terminal_text import visible
from pipeline.kubeflow.pod.artifact_folders import (
    ArtifactFolders,
    launcher_root,
    leave_out_system_outputs,
    make_output_folders,
    restore_types,
)
from pipeline.start.loading import loading

# Environment variable with the log level of the libraries. `INFO` shows all messages of TFX and Beam.
LEVEL_VARIABLE: Final = "READALIKE_LOG_LEVEL"
_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")

# TFX warns so about every output artifact. It does not matter, because the backend names artifacts later.
_MEANINGLESS: Final = "Cannot convert ID back to runtime name"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the step in the command line `argv`, and returns the exit code."""
    _show_messages()
    try:
        _run_step(list(sys.argv[1:] if argv is None else argv))
    except Exception as error:
        cause = own_error(error)
        if cause is None:
            traceback.print_exc()
            return 1
        sys.stdout.flush()
        print(visible(f"error: {cause}"), file=sys.stderr)
        return cause.exit_code
    return 0


def _run_step(argv: list[str]) -> None:
    with loading():
        from google.protobuf import json_format
        from kfp.pipeline_spec import pipeline_spec_pb2
        from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor as stock

    arguments, beam_args = stock._parse_flags(argv)
    executor_input = json_format.Parse(
        arguments.json_serialized_invocation_args, pipeline_spec_pb2.ExecutorInput(), ignore_unknown_fields=True
    )
    if arguments.json_serialized_inputs_spec_args:
        restore_types(
            executor_input,
            json_format.Parse(
                arguments.json_serialized_inputs_spec_args,
                pipeline_spec_pb2.ComponentInputsSpec(),
                ignore_unknown_fields=True,
            ),
        )
    leave_out_system_outputs(executor_input)
    folders = ArtifactFolders(executor_input, launcher_root())
    folders.make_local(executor_input)
    make_output_folders(executor_input, _is_file)
    arguments.json_serialized_invocation_args = json_format.MessageToJson(executor_input)
    stock._run_executor(arguments, beam_args)

    written = Path(executor_input.outputs.output_file)
    executor_output = json_format.Parse(written.read_text(), pipeline_spec_pb2.ExecutorOutput())
    folders.make_remote(executor_output)
    written.write_text(json_format.MessageToJson(executor_output))


def _is_file(artifact_type: Any) -> bool:
    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils as stock
    from tfx.types.value_artifact import ValueArtifact
    from tfx.utils import import_utils

    return issubclass(import_utils.import_class_by_path(stock._retrieve_class_path(artifact_type)), ValueArtifact)


def _show_messages() -> None:
    """Sends own messages to standard output without a prefix, and the libraries' logs to standard error."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    level = os.environ.get(LEVEL_VARIABLE, "").upper()
    logs = logging.StreamHandler(sys.stderr)
    logs.setLevel(level if level in _LEVELS else logging.WARNING)
    logs.addFilter(lambda record: not record.getMessage().startswith(_MEANINGLESS))
    logs.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[logs], force=True)
    own = logging.StreamHandler(sys.stdout)
    own.setFormatter(logging.Formatter("%(message)s"))
    messages = logging.getLogger(LOGGER_NAME)
    messages.handlers = [own]
    messages.propagate = False


if __name__ == "__main__":
    sys.exit(main())
