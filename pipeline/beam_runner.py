"""The Beam runner of the data steps, and the arguments that it gets.

Each runner wants to be told other things. Here are the defaults of those that the project runs itself; what the user
says in `--beam-args` comes last, and wins.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

FLINK: Final = "FlinkRunner"

# Beam's own, in this process or in processes of this machine.
DIRECT: Final = ("FnApiRunner", "DirectRunner")
DIRECT_FLAGS: Final = "--direct_"

# The worker pool beside each TaskManager, in the same pod or on the same machine.
WORKER_POOL: Final = "localhost:50000"

# TFX packs itself for workers that lack it, a second or more a step, unless an image is named that has it. Workers on
# this machine, and those of a worker pool, have the whole environment. No image is ever pulled by this name.
_HAVE_TFX: Final = "--sdk_container_image=none"


def beam_arguments(
    runner: str, workers: int | None, flink_master: str, flink_job_server_jar: Path | None, further: Sequence[str]
) -> list[str]:
    """Returns the arguments that every Beam pipeline of a run gets.

    Args:
      runner: Beam's name of it.
      workers: how many work at once; None: what the runner thinks best.
      flink_master: a Flink cluster, as `host:port`; empty: a mini-cluster of the run's own.
      flink_job_server_jar: Beam's job server for Flink; None: the one that Beam finds in its cache.
      further: what the user wants to be said to Beam.
    """
    arguments = [f"--runner={runner}"]
    if runner in DIRECT:
        arguments += _direct_arguments(workers or 1)
    elif runner == FLINK:
        arguments += _flink_arguments(workers, flink_master, flink_job_server_jar, says(further, "--environment_type"))
    return [*arguments, *further]


def says(arguments: Sequence[str], flag: str) -> bool:
    """Returns whether `flag` is among Beam's `arguments`."""
    return any(argument.partition("=")[0] == flag for argument in arguments)


def _direct_arguments(workers: int) -> list[str]:
    mode = "in_memory" if workers == 1 else "multi_processing"
    return [f"--direct_running_mode={mode}", f"--direct_num_workers={workers}", _HAVE_TFX]


def _flink_arguments(workers: int | None, master: str, jar: Path | None, has_environment: bool) -> list[str]:
    arguments = [f"--flink_master={master or '[local]'}"]
    arguments += [f"--parallelism={workers}"] if workers else []
    arguments += [f"--flink_job_server_jar={jar}"] if jar else []
    if not has_environment:
        external = ["--environment_type=EXTERNAL", f"--environment_config={WORKER_POOL}"]
        arguments += [*(external if master else ["--environment_type=LOOPBACK"]), _HAVE_TFX]
    return arguments
