"""Reads and writes compiled pipelines."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Final

import yaml

from core.errors import ConfigurationError

SCHEMA_VERSION: Final = "2.1.0"
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Package:
    """A compiled pipeline in a file."""

    file: Path
    name: str
    steps: tuple[str, ...]
    """Names of the steps in topological order."""
    parameters: Mapping[str, bool]
    """Run-time parameters by name; True if a run must set the parameter."""


def read_package(file: Path) -> Package:
    """Returns the compiled pipeline in `file`.

    Raises:
      ConfigurationError: the file cannot be read, or a self-hosted Kubeflow Pipelines would refuse it.
    """
    spec = _documents(file)[0]
    try:
        if spec["schemaVersion"] != SCHEMA_VERSION:
            raise ConfigurationError(
                f"{file}: has schema version {spec['schemaVersion']}, and Kubeflow Pipelines takes {SCHEMA_VERSION}. "
                "Compile it with `kubeflow_runner.py compile`."
            )
        tasks = spec["root"]["dag"]["tasks"]
        declared = spec["root"].get("inputDefinitions", {}).get("parameters", {})
        return Package(
            file=file,
            name=spec["pipelineInfo"]["name"],
            steps=tuple(_in_order(tasks)),
            parameters={
                name: "defaultValue" not in parameter and not parameter.get("isOptional", False)
                for name, parameter in declared.items()
            },
        )
    except (KeyError, TypeError, AttributeError, CycleError) as error:
        raise ConfigurationError(
            f"{file}: is not a compiled pipeline ({error!r}). Compile one with `kubeflow_runner.py compile`."
        ) from error


def write_without_cache(package: Package, out: Path) -> Package:
    """Writes the pipeline to `out` with the cache of every step turned off, and returns the new package.

    A run of an uploaded version cannot turn the cache off, because it is a property of the steps.
    """
    documents = _documents(package.file)
    for task in _all_tasks(documents[0]):
        task["cachingOptions"] = {"enableCache": False}
    out.write_text(yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return read_package(out)


def _documents(file: Path) -> list[Any]:
    """Returns the pipeline specification and, if there is one, the platform specification."""
    if file.suffix not in (".yaml", ".yml"):
        raise ConfigurationError(f"{file}: must be a .yaml file, as `kubeflow_runner.py compile` writes it.")
    try:
        documents = list(yaml.load_all(file.read_text(encoding="utf-8"), Loader=_LOADER))
    except OSError as error:
        raise ConfigurationError(
            f"{file}: cannot be read ({error.strerror}). Compile the pipeline to it with `kubeflow_runner.py compile`."
        ) from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{file}: is not YAML ({error}). Compile the pipeline again.") from error
    has_platforms = all(isinstance(document, dict) and "platforms" in document for document in documents[1:])
    if not 1 <= len(documents) <= 2 or not has_platforms:
        raise ConfigurationError(
            f"{file}: must hold the pipeline's specification and at most one with `platforms:` after it, and holds "
            f"{len(documents)} documents. Compile the pipeline again."
        )
    return documents


def _in_order(tasks: Mapping[str, Mapping[str, Any]]) -> Iterable[str]:
    """Returns the names of the tasks in topological order of their dependencies and inputs."""
    graph = {name: set(task.get("dependentTasks", ())) | set(_producers(task)) for name, task in tasks.items()}
    return TopologicalSorter(graph).static_order()


def _producers(task: Mapping[str, Any]) -> Iterator[str]:
    for inputs in task.get("inputs", {}).values():
        for source in inputs.values():
            for kind in ("taskOutputArtifact", "taskOutputParameter"):
                if kind in source:
                    yield source[kind]["producerTask"]


def _all_tasks(spec: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for component in (spec["root"], *spec.get("components", {}).values()):
        yield from component.get("dag", {}).get("tasks", {}).values()
