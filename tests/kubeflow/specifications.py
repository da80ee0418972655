"""Small pipelines, as the compiler writes them, whose steps are a line of Python each."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

EXAMPLES = {"artifactType": {"instanceSchema": "title: tfx.Examples\ntype: object\n"}}
TEXT = {"parameterType": "STRING"}

# Each step gets the executor's input as its first argument and has this at hand.
PRELUDE = """
import json, os, pathlib, sys
given = json.loads(sys.argv[1])
parameters = given.get("inputs", {}).get("parameterValues", {})
def place(way, name):
    uri = given[way]["artifacts"][name]["artifacts"][0]["uri"]
    return pathlib.Path(os.environ["READALIKE_LAUNCHER_ROOT"], uri.replace("://", "/"))
def tell(told):
    path = pathlib.Path(given["outputs"]["outputFile"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told))
def artifact(**fields):
    return {"artifacts": {"examples": {"artifacts": [fields]}}}
"""


def step(
    code: str,
    *,
    inputs: Mapping[str, str] = {},
    artifacts: Mapping[str, tuple[str, str]] = {},
    outputs: Sequence[str] = (),
    output_parameters: Sequence[str] = (),
    **task: Any,
) -> dict[str, Any]:
    """Returns a step.

    Args:
      code: Python, after `PRELUDE`.
      inputs: parameters: `=text` for a constant, `task.key` for another's output, else the pipeline's parameter.
      artifacts: input artifacts: the task that puts one out, and the name that it has there.
      outputs: names of output artifacts.
      output_parameters: names of output parameters.
      task: further fields of the task.
    """
    return {
        "component": {
            "inputDefinitions": {
                "parameters": dict.fromkeys(inputs, TEXT),
                "artifacts": dict.fromkeys(artifacts, EXAMPLES),
            },
            "outputDefinitions": {
                "artifacts": dict.fromkeys(outputs, EXAMPLES),
                "parameters": dict.fromkeys(output_parameters, TEXT),
            },
        },
        "container": {
            "image": "registry.example/steps:1",
            "command": ["python", "-c", PRELUDE + code],
            "args": ["{{$}}"],
        },
        "task": {
            "inputs": {
                "parameters": {name: _source(source) for name, source in inputs.items()},
                "artifacts": {
                    name: {"taskOutputArtifact": {"producerTask": producer, "outputArtifactKey": key}}
                    for name, (producer, key) in artifacts.items()
                },
            },
            **task,
        },
    }


def specification(steps: Mapping[str, dict[str, Any]], **parameters: dict[str, Any]) -> dict[str, Any]:
    """Returns the pipeline of `steps`. Each of `parameters` is the declaration of one."""
    return {
        "pipelineInfo": {"name": "small"},
        "schemaVersion": "2.1.0",
        "sdkVersion": "kfp-2.16.1",
        "deploymentSpec": {
            "executors": {f"run-{name}": {"container": step["container"]} for name, step in steps.items()}
        },
        "components": {name: {"executorLabel": f"run-{name}", **step["component"]} for name, step in steps.items()},
        "root": {
            "inputDefinitions": {"parameters": parameters},
            "dag": {
                "tasks": {
                    name: {"componentRef": {"name": name}, "taskInfo": {"name": name}, **step["task"]}
                    for name, step in steps.items()
                }
            },
        },
    }


def write(path: Path, *documents: Any) -> Path:
    """Writes `documents` to `path`, and returns it."""
    path.write_text(yaml.safe_dump_all(documents))
    return path


def _source(source: str) -> dict[str, Any]:
    if source.startswith("="):
        return {"runtimeValue": {"constant": source[1:]}}
    producer, separator, key = source.partition(".")
    if separator:
        return {"taskOutputParameter": {"producerTask": producer, "outputParameterKey": key}}
    return {"componentInputParameter": source}
