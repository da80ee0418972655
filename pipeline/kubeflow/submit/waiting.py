"""Waits until a run ends and shows its steps."""

import time
from collections.abc import Sequence
from typing import Final

import kfp_server_api as api
from rich.status import Status

from core.errors import GateError, InputError, KubeflowError
from core.terminal_text import PlainConsole
from pipeline.kubeflow.submit.client import KubeflowClient
from pipeline.kubeflow.submit.failure import find_failure
from pipeline.kubeflow.submit.run_steps import FINISHED, State, Step, steps_of

PATIENCE_SECONDS: Final = 600.0
_POLL_SECONDS: Final = 5.0
_ENDINGS: Final = {State.FAILED: "failed", State.SKIPPED: "skipped", State.CANCELED: "cancelled"}
_ERRORS: Final = {2: InputError, 3: GateError}


def wait_for(
    client: KubeflowClient,
    run_id: str,
    names: Sequence[str],
    console: PlainConsole,
    poll_seconds: float = _POLL_SECONDS,
    patience_seconds: float = PATIENCE_SECONDS,
) -> None:
    """Waits until the run succeeds, and shows its steps.

    Args:
      client: the server.
      run_id: the run.
      names: its steps, in the order in which they run.
      console: the output.
      poll_seconds: seconds between two requests.
      patience_seconds: maximum seconds without an answer of the server.

    Raises:
      GateError: a gate stopped the run.
      InputError: a step found bad input or configuration.
      KubeflowError: the run failed otherwise or was cancelled, or the server does not answer.
    """
    reporter = _Reporter(console, names)
    try:
        run = _ended(client, run_id, reporter, poll_seconds, patience_seconds)
    except BaseException:
        reporter.stop()
        console.print(f"No longer waiting. The run goes on: {client.address_of('runs', run_id)}")
        raise
    finally:
        reporter.stop()
    if run.state != State.SUCCEEDED:
        raise _outcome(client, run, steps_of(run, names))


def _ended(
    client: KubeflowClient, run_id: str, reporter: "_Reporter", poll_seconds: float, patience_seconds: float
) -> api.V2beta1Run:
    """Returns the run when it has ended. It repeats the request if the server is briefly unreachable."""
    heard = time.monotonic()
    while True:
        try:
            run = client.run(run_id)
        except KubeflowError as error:
            if not error.transient or time.monotonic() - heard > patience_seconds:
                raise
            reporter.note("no answer; asking again")
        else:
            heard = time.monotonic()
            reporter.show(steps_of(run, reporter.names))
            if run.state in FINISHED:
                return run
        time.sleep(poll_seconds)


def _outcome(client: KubeflowClient, run: api.V2beta1Run, steps: Sequence[Step]) -> Exception:
    address = client.address_of("runs", run.run_id)
    if run.state != State.FAILED:
        return KubeflowError(f"The run was {_ENDINGS.get(run.state, run.state)}: {address}")
    failure = find_failure(client, run, steps)
    where = f"step {failure.step} failed" if failure.step else "the run failed, and the server names no step"
    reason = failure.reason or "the server does not say why; the log in the UI may"
    return _ERRORS.get(failure.exit_code, KubeflowError)(f"{where}: {reason}\nThe run: {address}")


class _Reporter:
    """Writes a line when a step starts or ends. On a terminal, a status line shows the running steps instead."""

    def __init__(self, console: PlainConsole, names: Sequence[str]):
        self.names = names
        self._console = console
        self._told: dict[str, str] = {}
        self._noted = ""
        self._started = time.monotonic()
        self._status: Status | None = None

    def show(self, steps: Sequence[Step]) -> None:
        self._noted = ""
        for number, step in enumerate(steps, 1):
            before, self._told[step.name] = self._told.get(step.name, State.PENDING), step.state
            if step.state == before:
                continue
            title = f"[{number:>2}/{len(steps)}] {step.name}"
            if step.state in FINISHED:
                took = "" if step.seconds is None else f"{step.seconds:.0f} s"
                ending = " after ".join(filter(None, (_ENDINGS.get(step.state), took))) or "done"
                self._console.print(f"{title}: {ending}")
            elif step.state == State.RUNNING and not self._console.is_terminal:
                self._console.print(f"{title} ...")
        self._spin(", ".join(step.name for step in steps if step.state == State.RUNNING) or "waiting for a step")

    def note(self, text: str) -> None:
        """Writes a message that is not about a step. Repetitions are dropped."""
        if text != self._noted:
            self._console.print(text)
        self._noted = text

    def stop(self) -> None:
        """Ends the status line."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _spin(self, text: str) -> None:
        if not self._console.is_terminal:
            return
        if self._status is None:
            self._status = self._console.status("")
            self._status.start()
        self._status.update(f" {text} · {time.monotonic() - self._started:.0f} s")
