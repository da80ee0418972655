"""Serves TensorBoard for all runs in a work folder: `python -m pipeline.commands.tensorboard --work-dir DIR`.

TensorBoard names a run by its folder, and TFX names folders by numbers. So TensorBoard gets a folder of links, each
named by the time when the training started.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from tensorboard import program

from core.errors import ConfigurationError
from core.exit_codes import with_exit_code

LINKS_FOLDER: Final = "tensorboard"
"""Name of the folder of links, in the work folder."""

MODEL_RUNS: Final = "artifacts/Trainer/model_run"
"""Folder of Trainer's logs, in the work folder, with one folder per run."""

DEFAULT_PORT: Final = 6006
_EVENTS: Final = "events.out.tfevents."
_SECONDS_BETWEEN_LOOKS: Final = 10


@with_exit_code()
def main(argv: Sequence[str] | None = None) -> int:
    """Serves TensorBoard until interrupted, and returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.commands.tensorboard", description="TensorBoard on all runs."
    )
    parser.add_argument("--work-dir", type=Path, default=Path("work"), help="the runs' work folder (default: work)")
    parser.add_argument("--host", default="localhost", help="the address to listen on (default: localhost)")
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help=f"the port; 0: any that is free (default: {DEFAULT_PORT})"
    )
    arguments = parser.parse_args(argv)
    with suppress(KeyboardInterrupt):
        _serve(arguments.work_dir, arguments.host, arguments.port)
    return 0


def link_runs(work_dir: Path) -> list[Path]:
    """Updates the folder of links to one link for each run in `work_dir` with logs, and removes links to deleted runs.

    Returns:
      The links, in order of time. Their names look like `2026-11-25_17-42-31`, in local time.
    """
    folder = work_dir / LINKS_FOLDER
    links: list[Path] = []
    for run in (work_dir / MODEL_RUNS).glob("*"):
        began = _began(run)
        if began is None:
            continue
        link = folder / time.strftime("%Y-%m-%d_%H-%M-%S", time.localtime(began))
        folder.mkdir(exist_ok=True)
        with suppress(FileExistsError):
            link.symlink_to(run.resolve())
        links.append(link)
    for link in folder.glob("*"):
        if link.is_symlink() and link not in links:
            link.unlink()
    return sorted(links)


def _began(run: Path) -> int | None:
    """Returns the start of the first log of `run` in seconds since the epoch; None without logs."""
    times = (path.name.removeprefix(_EVENTS).split(".")[0] for path in run.rglob(f"{_EVENTS}*"))
    return min((int(found) for found in times if found.isdigit()), default=None)


def _serve(work_dir: Path, host: str, port: int) -> None:
    if not (links := link_runs(work_dir)):
        raise ConfigurationError(
            f"--work-dir {work_dir}: no run has trained a model there yet ({work_dir / MODEL_RUNS} has no logs). Start "
            "one with make run, or name the folder of another."
        )
    server = program.TensorBoard()
    server.configure(
        argv=["tensorboard", "--logdir", str(work_dir / LINKS_FOLDER), "--host", host, "--port", str(port)]
    )
    try:
        address = server.launch()
    except program.TensorBoardServerException as error:
        raise ConfigurationError(f"--host {host} --port {port}: {error.msg}. Name others, or --port 0.") from error
    print(f"{len(links)} {'run' if len(links) == 1 else 'runs'} of {work_dir}: {address} (Ctrl-C ends it)", flush=True)
    while True:
        time.sleep(_SECONDS_BETWEEN_LOOKS)
        link_runs(work_dir)


if __name__ == "__main__":
    sys.exit(main())
