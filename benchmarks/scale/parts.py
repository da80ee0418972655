"""The parts of the comparison: their commands and their results."""

import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.scale.steps import Step, measured, steps_of_json, steps_of_log
from benchmarks.scale.watched_process import watch
from core.errors import ReadalikeError
from core.project import ROOT
from core.pseudonyms import KEY_FILE_VARIABLE, KEY_VARIABLE
from data.synthetic.parameters import SyntheticParameters
from storage import json_files

PIPELINE: Final = "pipeline"
CHECK: Final = "check"
NOTEBOOK: Final = "notebook"
STOCK: Final = "stock"
# In the order in which they run: the check reads the pipeline's output.
PARTS: Final = (PIPELINE, CHECK, NOTEBOOK, STOCK)

TOLD_CHARACTERS: Final = 3_000


class Comparison:
    """The measurements on one data set, in its own folder."""

    def __init__(self, folder: Path, reviews: SyntheticParameters, flags: Sequence[str]):
        """Sets up the comparison without writing files.

        Args:
          folder: parent of the folders of all data sets.
          reviews: sizes and seed of the data set.
          flags: further flags of `local_runner.py`.
        """
        name = f"{reviews.reviews}-rows-{reviews.users}-users-{reviews.books}-books-seed-{reviews.seed}"
        self.folder = (folder / name).resolve()
        self.reviews = reviews
        # Alone in its folder, because CsvExampleGen reads all its files.
        self.csv = self.folder / "data" / "reviews.csv"
        work, push = (str(self.folder / PIPELINE / place) for place in ("work", "push"))
        self._commands = {
            PIPELINE: [*_python("local_runner.py", data=self.csv, work_dir=work, push_dir=push), *flags],
            CHECK: _python(
                "-m", "benchmarks.scale.pandas_check", data=self.csv, work_dir=work, key_file=f"{work}/pseudonym.key"
            ),
            NOTEBOOK: _python("-m", "benchmarks.scale.notebook", data=self.csv, out=self.folder / NOTEBOOK / "index"),
            STOCK: _python(
                "-m", "benchmarks.scale.stock_chain", data=self.csv.parent, work_dir=self.folder / STOCK / "work"
            ),
        }

    def make_reviews(self) -> None:
        """Writes the synthetic reviews unless they exist."""
        if self.csv.exists():
            return
        self.csv.parent.mkdir(parents=True, exist_ok=True)
        self._run("synthesis", _python("-m", "data.synthesize", **self.reviews.model_dump(), out=self.csv))

    def command(self, part: str) -> list[str]:
        """Returns the command of a part."""
        return self._commands[part]

    def saved(self, part: str) -> dict[str, Any] | None:
        """Returns the saved result of a part if its command was the same, else None."""
        found = json_files.read_json(str(self._result_file(part)))
        return found if found and found["command"] == self._commands[part] else None

    def forget(self, part: str) -> None:
        """Deletes the result and all output of a part."""
        shutil.rmtree(self.folder / part, ignore_errors=True)

    def measure(self, part: str) -> dict[str, Any]:
        """Runs a part, saves its result, and returns it.

        Raises:
          ReadalikeError: the part failed.
        """
        self.forget(part)
        load = os.getloadavg()[0]
        run = self._run(part, self._commands[part])
        steps = [] if part == CHECK else self._steps(part)
        result = {
            "command": self._commands[part],
            "load_average_before": load,
            "steps": measured(steps, run, self.reviews.reviews),
        }
        if part == CHECK:
            result["found"] = json.loads(self._output(part).read_text(encoding="utf-8").splitlines()[-1])
        json_files.write_json(result, str(self._result_file(part)))
        return result

    def _run(self, part: str, command: Sequence[str]) -> Any:
        output, log = self._output(part), self._log(part)
        output.parent.mkdir(parents=True, exist_ok=True)
        environment = {
            name: value for name, value in os.environ.items() if name not in (KEY_VARIABLE, KEY_FILE_VARIABLE)
        }
        environment["TF_USE_LEGACY_KERAS"] = "1"
        run = watch(command, folder=ROOT, environment=environment, output=output, log=log)
        if run.exit_code != 0:
            told = "\n".join(
                file.read_text(encoding="utf-8", errors="replace")[-TOLD_CHARACTERS:] for file in (output, log)
            )
            raise ReadalikeError(
                f"{' '.join(command)} ended with {run.exit_code}. The end of {output} and {log}:\n{told}\n"
                "Mend that; `--resume` keeps the parts that are done."
            )
        return run

    def _steps(self, part: str) -> list[Step]:
        if part == NOTEBOOK:
            source, read = self._output(part), steps_of_json
        elif part == STOCK:
            source, read = self._log(part), steps_of_log
        else:
            logs = sorted((self.folder / PIPELINE / "work" / "logs").glob("run-*.log"))
            if not logs:
                raise ReadalikeError(f"{self.folder / PIPELINE}: the run left no log. Leave out the flag --verbose.")
            source, read = logs[-1], steps_of_log
        with source.open(encoding="utf-8", errors="replace") as lines:
            steps = read(lines)
        if not steps:
            raise ReadalikeError(
                f"{source}: no step is told of. Bring benchmarks/scale/steps.py up to how it looks now."
            )
        return steps

    def _output(self, part: str) -> Path:
        return self.folder / part / "output.txt"

    def _log(self, part: str) -> Path:
        return self.folder / part / "log.txt"

    def _result_file(self, part: str) -> Path:
        return self.folder / part / "result.json"


def _python(*program: str, **flags: Any) -> list[str]:
    """Returns the command that runs a Python program with `flags`."""
    named = [text for name, value in flags.items() for text in (f"--{name.replace('_', '-')}", str(value))]
    return [sys.executable, *program, *named]
