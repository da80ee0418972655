"""Finds out why a run failed: the step, its error message and its exit code."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import kfp_server_api as api

from core.errors import ReadalikeError
from pipeline.kubeflow.submit.client import KubeflowClient
from pipeline.kubeflow.submit.run_steps import State, Step, attempts_of

# Argo names a pod `<workflow>-<template>-<number>` and its node `<workflow>-<number>`. These templates run containers.
_TEMPLATES: Final = ("system-container-impl", "retry-system-container-impl")
_NODE: Final = re.compile(r"(.+)-(\d+)")
_OWN_ERROR: Final = re.compile(r"^error: ", re.MULTILINE)
# Start of a line of the launcher, in the format of Go's glog or of Argo. These lines follow the step's own.
_LAUNCHER_LINE: Final = re.compile(r"^(?:[IWEF]\d{4} |Error: exit status|time=\S+ level=)", re.MULTILINE)
_LAUNCHED: Final = re.compile(r"execute component:.*?exit status (\d+)")
_EXIT_CODE: Final = re.compile(r"exit(?:ed)?(?: with)? (?:status|code):? ?(\d+)")
_LONGEST: Final = 40


@dataclass(frozen=True)
class Failure:
    """Cause of a failed run."""

    step: str | None
    reason: str | None
    exit_code: int
    """2 or 3 if the step ended with that code, else 1."""


def find_failure(client: KubeflowClient, run: api.V2beta1Run, steps: Sequence[Step]) -> Failure:
    """Returns why `run` failed.

    The API has a field for the reason, but the server leaves it empty. So it reads the log of the step's pod.

    Args:
      client: the server.
      run: the failed run.
      steps: its steps in their final state.
    """
    failed = [step for step in steps if step.state == State.FAILED]
    if not failed:
        message = run.error.message if run.error is not None else None
        return Failure(None, message, _exit_code(message or ""))
    step = failed[0]
    nodes = (*step.pods, *(attempts_of(run) if len(failed) == 1 else ()))
    log = next((text for pod in _pods(nodes) if (text := client.log_tail(str(run.run_id), pod))), "")
    said = "\n".join(step.messages)
    reason = client.connection.without_token(_own_words(log) or said or _last_lines(log))
    return Failure(step.name, reason or None, _exit_code(f"{said}\n{log}"))


def _pods(nodes: Sequence[str]) -> Iterator[str]:
    """Yields the possible pod names of workflow nodes."""
    for node in nodes:
        match = _NODE.fullmatch(node)
        if match is not None and not any(template in node for template in _TEMPLATES):
            yield from (f"{match[1]}-{template}-{match[2]}" for template in _TEMPLATES)
        yield node


def _own_words(log: str) -> str:
    """Returns the last of the project's own error messages in a log, without the prefix `error: `."""
    starts = [match.end() for match in _OWN_ERROR.finditer(log)]
    if not starts:
        return ""
    message = log[starts[-1] :]
    end = _LAUNCHER_LINE.search(message)
    return _last_lines(message[: end.start()] if end else message, first=True)


def _last_lines(text: str, first: bool = False) -> str:
    lines = text.strip().splitlines()
    return "\n".join(lines[:_LONGEST] if first else lines[-_LONGEST:])


def _exit_code(text: str) -> int:
    """Returns the exit code in a step's error or log if it is 2 or 3; else 1."""
    if launched := _LAUNCHED.search(text):
        codes = [int(launched[1])]
    else:
        meanings = {error.__name__: error.exit_code for error in _errors(ReadalikeError)}
        named = [meanings[name] for name in re.findall(r"\b[A-Z]\w+Error\b", text) if name in meanings]
        codes = [int(code) for code in _EXIT_CODE.findall(text)] + named
    return next((code for code in codes if code in (2, 3)), 1)


def _errors(base: type[ReadalikeError]) -> Iterator[type[ReadalikeError]]:
    yield base
    for error in base.__subclasses__():
        yield from _errors(error)
