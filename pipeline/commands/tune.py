"""Searches for better hyper-parameters: `python -m pipeline.commands.tune --data PATH --work-dir DIR`.

It takes the flags of a run. It runs the steps up to Transform and then the Tuner; it exports and pushes no model. The
result is `best.toml` in the folder of the study, for `--config`. The same command again continues the study.

Exit codes: 0 done; 1 unexpected failure; 2 bad input or configuration; 3 stopped by a gate; 130 interrupted.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from core.exit_codes import with_exit_code
from core.terminal_text import PlainConsole
from pipeline.configuration.config import PipelineConfig, read_config
from pipeline.local.run import run_locally, study_folder
from storage.json_files import read_json
from trainer.tuning.parameters import BEST_CONFIGURATION, BEST_FILE

TRIALS: Final = 20
TUNER: Final = "Tuner"


@with_exit_code("interrupted; the same command goes on with the trials that are there")
def main(argv: Sequence[str] | None = None) -> int:
    """Runs the search that the command line `argv` configures, and returns the exit code."""
    config = with_trials(read_config(argv, program="pipeline.commands.tune", required=["data"]))
    folder = study_folder(config)
    return run_locally(config, lambda console, _: show_best(console, folder), until=TUNER)


def with_trials(config: PipelineConfig) -> PipelineConfig:
    """Returns `config` with `TRIALS` trials if it sets none."""
    trials = config.tuning.trials or TRIALS
    return config.model_copy(update={"tuning": config.tuning.model_copy(update={"trials": trials})})


def show_best(console: PlainConsole, folder: Path) -> None:
    """Shows the result of tuning in `folder`, and how to use it."""
    found = read_json(str(folder / BEST_FILE)) or {}
    chosen, baseline = found["chosen"], found["baseline"]
    console.print(f"\nRecall@20 as configured: {baseline['recall_at_20']:.4f}")
    if chosen["configured"]:
        console.print("No trial beats that in every fold and beyond doubt: keep what is configured.")
    else:
        low, high = found["difference_of_chosen"]
        recall = f"{chosen['recall_at_20']:.4f}, difference {low:+.4f} to {high:+.4f}"
        console.print(f"Recall@20 of trial {chosen['number']}: {recall}")
        for name, value in chosen["values"].items():
            console.print(f"  {name:<14} {value}")
        console.print(f"Use it: --config {folder / BEST_CONFIGURATION}")
    console.print(f"All trials: {folder / BEST_FILE}")


if __name__ == "__main__":
    sys.exit(main())
