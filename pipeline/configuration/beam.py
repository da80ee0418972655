"""The arguments of the Beam runner of the data steps.

Each runner needs other arguments. This module has the defaults for the runners that the project runs itself. The user's
`--beam-args` come last, and win.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

FLINK: Final = "FlinkRunner"

# Beam's own runners, in this process or in several processes of this machine.
DIRECT: Final = ("FnApiRunner", "DirectRunner")
DIRECT_FLAGS: Final = "--direct_"

# The worker pool beside each TaskManager, in the same pod or on the same machine.
WORKER_POOL: Final = "localhost:50000"

# Without a container image TFX packages itself for the workers, which takes a second or more per step. Workers on this
# machine and in a worker pool have the whole environment. No image is ever pulled by this name.
_HAVE_TFX: Final = "--sdk_container_image=none"


def beam_arguments(
    runner: str, workers: int | None, flink_master: str, flink_job_server_jar: Path | None, further: Sequence[str]
) -> list[str]:
    """Returns the arguments of every Beam pipeline of a run.

    Args:
      runner: Beam's name of the runner.
      workers: number of parallel workers. None: the runner's default.
      flink_master: Flink cluster, as `host:port`. Empty: a mini-cluster for this run.
      flink_job_server_jar: Beam's job server for Flink. None: the one in Beam's cache.
      further: further arguments from the user.
    """
    arguments = [f"--runner={runner}"]
    if runner in DIRECT:
        arguments += _direct_arguments(workers or 1)
    elif runner == FLINK:
        arguments += _flink_arguments(workers, flink_master, flink_job_server_jar, says(further, "--environment_type"))
    return [*arguments, *further]


def says(arguments: Sequence[str], flag: str) -> bool:
    """Returns True if `flag` is among Beam's `arguments`."""
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
