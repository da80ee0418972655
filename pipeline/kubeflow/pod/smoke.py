"""Checks that an image can run a compiled pipeline: `python -m pipeline.kubeflow.pod.smoke build/readalike.yaml`.

It imports every Python name in the pipeline. Without it, a step would find a name missing only after minutes of
queueing. It runs in the container image: `make image` runs it in the image that it has built.
"""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from core.errors import ConfigurationError
from core.exit_codes import with_exit_code
from pipeline.start.loading import loading

EXECUTOR_FLAG: Final = "--executor_class_path"
# Parameters of stock components whose value is the import path of a function of this project.
FUNCTION_PARAMETERS: Final = ("preprocessing_fn", "run_fn")


def named_in(path: Path) -> list[str]:
    """Returns the sorted modules, classes and functions in the compiled pipeline `path`, without duplicates.

    Raises:
      ConfigurationError: the file cannot be read, or is not a compiled pipeline.
    """
    try:
        documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
        executors = documents[0]["deploymentSpec"]["executors"].values()
        tasks = documents[0]["root"]["dag"]["tasks"].values()
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror}). Name a compiled pipeline.") from error
    except (yaml.YAMLError, UnicodeDecodeError, LookupError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{path}: is no compiled pipeline. `kubeflow_runner.py compile` makes one.") from error
    names = {name for executor in executors for name in _named_by(executor.get("container", {}))}
    for task in tasks:
        for parameter, value in task.get("inputs", {}).get("parameters", {}).items():
            if parameter in FUNCTION_PARAMETERS:
                names.add(value["runtimeValue"]["constant"])
    return sorted(names)


def fault(name: str) -> str | None:
    """Returns why `name` cannot be imported, or None if it can."""
    try:
        _import(name)
    except Exception as error:  # The import of a foreign module may raise anything, and the step would fail with it.
        return f"{type(error).__name__}: {error}"
    return None


@with_exit_code()
def main(argv: Sequence[str] | None = None) -> int:
    """Imports every name in the pipeline that `argv` names, prints failures, and returns the exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    if len(arguments) != 1:
        print("usage: python -m pipeline.kubeflow.pod.smoke YAML", file=sys.stderr)
        return 2
    names = named_in(Path(arguments[0]))
    with loading():  # As in the containers.
        faults = {name: reason for name in names if (reason := fault(name)) is not None}
    for name in names:
        print(f"{'FAILED' if name in faults else 'ok    '}  {name}" + (f"  {faults[name]}" if name in faults else ""))
    return 1 if faults else 0


def _named_by(container: dict[str, Any]) -> list[str]:
    """Returns the module that a container's command runs, and the class in its arguments."""
    command, arguments = container.get("command", []), container.get("args", [])
    names = [command[command.index("-m") + 1]] if "-m" in command else []
    if EXECUTOR_FLAG in arguments:
        names.append(arguments[arguments.index(EXECUTOR_FLAG) + 1])
    return names


def _import(name: str) -> Any:
    """Imports a module, or a name in one."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        module, _, attribute = name.rpartition(".")
        if not module or error.name not in (name, module):
            raise
        return getattr(importlib.import_module(module), attribute)


if __name__ == "__main__":
    sys.exit(main())
