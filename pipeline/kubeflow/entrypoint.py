"""What every container of the compiled pipeline runs: `python -m pipeline.kubeflow.entrypoint`, with TFX's arguments.

It is TFX's own entrypoint with what that lacks on a self-hosted backend: artifacts in any object store that Kubeflow's
launcher knows, inputs that arrive without their type, outputs that are the backend's own, and the local runner's exit
codes and messages.

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

from pipeline.kubeflow.artifact_folders import (
    ArtifactFolders,
    launcher_root,
    leave_out_system_outputs,
    make_output_folders,
    restore_types,
)
from pipeline.loading import loading
from transform.errors import own_error
from transform.progress import LOGGER_NAME
from transform.terminal_text import visible

# How much of the libraries' logs a pod shows: `INFO` for all that TFX and Beam say.
LEVEL_VARIABLE: Final = "READALIKE_LOG_LEVEL"
_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")

# What TFX says of every artifact that it puts out here: the backend names artifacts itself, and later.
_MEANINGLESS: Final = "Cannot convert ID back to runtime name"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the step that the command line `argv` describes. Returns the exit code."""
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
    """Sends our own messages to the standard output, as they are, and the libraries' logs to the standard error."""
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
