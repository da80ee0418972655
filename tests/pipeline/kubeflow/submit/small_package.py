"""A compiled pipeline of three steps, in the two documents of the real one."""

from pathlib import Path

STEPS = ("Read", "Train", "Push")

TEXT = """\
# A comment, and an odd "quote": what must arrive as it is.
components:
  comp-Read: {executorLabel: exec-Read}
  comp-Train: {executorLabel: exec-Train}
  comp-Push: {executorLabel: exec-Push}
pipelineInfo:
  name: readalike
root:
  inputDefinitions:
    parameters:
      data: {parameterType: STRING}
      push_dir: {parameterType: STRING, defaultValue: push}
      baseline_dir: {parameterType: STRING, isOptional: true}
  dag:
    tasks:
      Push:
        cachingOptions: {}
        componentRef: {name: comp-Push}
        dependentTasks: [Train]
        taskInfo: {name: Push}
      Read:
        cachingOptions: {enableCache: true}
        componentRef: {name: comp-Read}
        taskInfo: {name: Read}
      Train:
        cachingOptions: {enableCache: true}
        componentRef: {name: comp-Train}
        inputs:
          artifacts:
            examples: {taskOutputArtifact: {outputArtifactKey: examples, producerTask: Read}}
        taskInfo: {name: Train}
deploymentSpec:
  executors:
    exec-Read: {container: {image: "registry.example/readalike:1", command: [python]}}
    exec-Train: {container: {image: "registry.example/readalike:1", command: [python]}}
    exec-Push: {container: {image: "registry.example/readalike:1", command: [python]}}
schemaVersion: 2.1.0
sdkVersion: tfx-1.21.0
---
platforms:
  kubernetes:
    deploymentSpec:
      executors:
        exec-Train:
          nodeSelector: {labels: {pool: "größe-xl"}}
"""


def write_package(folder: Path, text: str = TEXT) -> Path:
    """Writes the pipeline into `folder` and returns its file."""
    file = folder / "readalike.yaml"
    file.write_text(text, encoding="utf-8")
    return file
