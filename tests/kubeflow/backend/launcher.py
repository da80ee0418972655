"""One container: its folders, its environment, its command, and what becomes of what it wrote.

After backend/src/v2/component/launcher_v2.go of kubeflow/pipelines 2.5.0, 2.14.0 and 2.16.0. Each attempt has a file
system of its own, as each pod has: a folder for the launcher's mounts, one for `/tmp`, and a home.
"""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

from google.protobuf import json_format
from kfp.compiler.pipeline_spec_builder import to_protobuf_value
from kfp.local.executor_output_utils import load_executor_output, special_dsl_outputpath_read

from core.project import ROOT
from pipeline.kubeflow.pod.artifact_folders import ROOT_VARIABLE
from tests.fork_server import fork_server
from tests.kubeflow.backend.documents import RefusedError, Step
from tests.kubeflow.backend.driver import LOGS
from tests.kubeflow.backend.metadata import Metadata
from tests.kubeflow.backend.objects import MOUNTS, ObjectStore, mounted

# What concerns the place where a pod runs means nothing here; a volume that is not there would be silently missed.
VOLUMES: Final = ("secret_as_volume", "config_map_as_volume", "pvc_mount", "generic_ephemeral_volume")

Secrets = Mapping[str, Mapping[str, str]]


class Container:
    """The container of one step."""

    def __init__(self, step: Step, folder: Path, store: ObjectStore, secrets: Secrets, *, forked: bool):
        """Takes the step, the folder that stands for its file system, and what the cluster holds for it.

        Args:
          step: what is run.
          folder: of this container alone.
          store: the objects.
          secrets: by name and key.
          forked: whether a module of this project is forked from a process that has loaded TFX, instead of started.
        """
        self._forked = forked
        self._step = step
        self._store = store
        self._environment = environment(step, secrets)
        self._folder = folder

    def run(self, executor_input: Any, log: Path) -> int:
        """Runs the command as it is compiled, once. Returns its exit code; `log` gets all that it says."""
        shutil.rmtree(self._folder, ignore_errors=True)
        for artifacts in executor_input.inputs.artifacts.values():
            for artifact in artifacts.artifacts:
                self._store.download(artifact.uri, self._mounted(artifact.uri))
        for artifacts in executor_input.outputs.artifacts.values():
            for artifact in artifacts.artifacts:
                self._mounted(artifact.uri).parent.mkdir(parents=True, exist_ok=True)
        self._begin_log(executor_input)
        for parameter in executor_input.outputs.parameters.values():
            Path(parameter.output_file).parent.mkdir(parents=True, exist_ok=True)
        for name in ("tmp", "home"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        replacements = placeholders(self._step, executor_input)
        command = [_filled(word, replacements) for word in (*self._step.container.command, *self._step.container.args)]
        places = {"HOME": "home", "TMPDIR": "tmp", ROOT_VARIABLE: ""}
        own = {name: str(self._folder / place) for name, place in places.items()}
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            return _ended(command, {**self._environment, **own}, output, forked=self._forked)

    def collect(self, executor_input: Any, metadata: Metadata, root: str) -> tuple[dict[str, Any], dict[str, int]]:
        """Uploads and records what the container wrote.

        Returns:
          The output parameters, and the ids of the output artifacts, by name.

        Raises:
          RefusedError: it is not what the component declares, or lies outside the run's folder `root`.
        """
        written = load_executor_output(executor_input.outputs.output_file)
        parameters = dict(written.parameter_values)
        for name, parameter in executor_input.outputs.parameters.items():
            if name not in parameters:
                kind = self._step.component.output_definitions.parameters[name].parameter_type
                parameters[name] = to_protobuf_value(special_dsl_outputpath_read(name, parameter.output_file, kind))
        recorded = {}
        for name, artifacts in executor_input.outputs.artifacts.items():
            [artifact] = artifacts.artifacts
            if name in written.artifacts and written.artifacts[name].artifacts:
                _merge(written.artifacts[name].artifacts[0], artifact)
            recorded[name] = self._publish(name, artifact, metadata, root)
        return parameters, recorded

    def collect_log(self, executor_input: Any, metadata: Metadata, root: str) -> dict[str, int]:
        """Uploads and records the log, which is all that remains of a step that failed. Returns its id, by name."""
        artifacts = executor_input.outputs.artifacts
        return {LOGS: self._publish(LOGS, artifacts[LOGS].artifacts[0], metadata, root)} if LOGS in artifacts else {}

    def end_log(self, executor_input: Any, log: Path) -> None:
        """Has what the command said, in `log`, where the launcher writes it down while the command runs."""
        if LOGS in executor_input.outputs.artifacts:
            shutil.copyfile(log, self._mounted(executor_input.outputs.artifacts[LOGS].artifacts[0].uri))

    def _begin_log(self, executor_input: Any) -> None:
        """Makes the file of the log, which is there before the command begins."""
        if LOGS in executor_input.outputs.artifacts:
            self._mounted(executor_input.outputs.artifacts[LOGS].artifacts[0].uri).touch()

    def _publish(self, name: str, artifact: Any, metadata: Metadata, root: str) -> int:
        scheme = artifact.uri.partition("://")[0]
        if scheme in MOUNTS:
            if not artifact.uri.startswith(f"{root}/"):
                raise RefusedError(f"{self._step.name}: failed to upload output artifact {name!r}: {artifact.uri}")
            self._store.upload(self._mounted(artifact.uri), artifact.uri)
        return metadata.record_artifact(name, artifact, {"Provider": scheme})

    def _mounted(self, uri: str) -> Path:
        return mounted(uri, self._folder)


def environment(step: Step, secrets: Secrets) -> dict[str, str]:
    """Returns the variables of the step's container: the image's, the compiled ones, and those from secrets.

    Raises:
      RefusedError: a secret is not there; the pod would not start.
    """
    for name in VOLUMES:
        if len(getattr(step.kubernetes, name)):
            raise NotImplementedError(f"{step.name}: this tool mounts nothing: {name}")
    variables = {**image_environment(), **{variable.name: variable.value for variable in step.container.env}}
    for source in (*step.kubernetes.secret_as_env, *step.kubernetes.config_map_as_env):
        held = secrets.get(_source_name(source))
        for pair in source.key_to_env:
            key = getattr(pair, "secret_key", None) or getattr(pair, "config_map_key", "")
            if held is not None and key in held:
                variables[pair.env_var] = held[key]
            elif not source.optional:
                raise RefusedError(
                    f"{step.name}: CreateContainerConfigError: no key {key!r} in {_source_name(source)!r}"
                )
    return variables


def image_environment() -> dict[str, str]:
    """Returns the variables that the image sets, with this checkout and this interpreter instead of the image's."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    work_dir = re.findall(r"^WORKDIR (\S+)$", text, re.MULTILINE)[-1]
    words = [word for line in re.findall(r"^ENV (.+)$", text, re.MULTILINE) for word in shlex.split(line)]
    variables = {name: value.replace(work_dir, str(ROOT)) for name, _, value in (word.partition("=") for word in words)}
    return {**variables, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}


def placeholders(step: Step, executor_input: Any) -> dict[str, str]:
    """Returns what stands for what in a command."""
    complete = type(executor_input)()
    complete.CopyFrom(executor_input)
    for name, spec in step.component.input_definitions.parameters.items():
        if name not in complete.inputs.parameter_values and spec.HasField("default_value"):
            complete.inputs.parameter_values[name].CopyFrom(spec.default_value)
    found = {"{{$}}": json_format.MessageToJson(complete, indent=None)}
    for way in ("inputs", "outputs"):
        for name, artifacts in getattr(complete, way).artifacts.items():
            uri = artifacts.artifacts[0].uri
            found[f"{{{{$.{way}.artifacts['{name}'].uri}}}}"] = uri
            found[f"{{{{$.{way}.artifacts['{name}'].path}}}}"] = str(mounted(uri, Path("/")))
    for name, parameter in complete.outputs.parameters.items():
        found[f"{{{{$.outputs.parameters['{name}'].output_file}}}}"] = parameter.output_file
    for name, value in complete.inputs.parameter_values.items():
        plain = json_format.MessageToDict(value)
        text = plain if isinstance(plain, str) else json_format.MessageToJson(value, indent=None)
        found[f"{{{{$.inputs.parameters['{name}']}}}}"] = text
    return found


def _ended(command: Sequence[str], variables: Mapping[str, str], output: IO[bytes], *, forked: bool) -> int:
    """Runs the command of a container. Returns its exit code."""
    if forked and command[:2] == ["python", "-m"]:
        return fork_server().start(command[1:], cwd=ROOT, env=variables, stdout=output, stderr=output).wait()
    return subprocess.run(command, cwd=ROOT, env=variables, stdout=output, stderr=output, check=False).returncode


def _filled(word: str, replacements: Mapping[str, str]) -> str:
    for placeholder, text in replacements.items():
        word = word.replace(placeholder, text)
    return word


def _merge(written: Any, artifact: Any) -> None:
    if written.uri:
        artifact.uri = written.uri
    for name, value in written.metadata.fields.items():
        artifact.metadata.fields[name].CopyFrom(value)


def _source_name(source: Any) -> str:
    for kind in ("secret_name", "config_map_name"):
        if hasattr(source, kind):
            parameter = getattr(source, f"{kind}_parameter")
            return str(parameter.runtime_value.constant.string_value or getattr(source, kind))
    raise TypeError(type(source))
