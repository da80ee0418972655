"""Runs a command and samples the time and memory of its process and all children from outside."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import psutil

INTERVAL_SECONDS: Final = 0.25
KIB_A_MIB: Final = 1024


class Sample(NamedTuple):
    """CPU time and memory of a process tree at one time."""

    at: float
    """Seconds since the epoch."""

    cpu_seconds: float
    """CPU seconds of all its processes so far, including ended ones."""

    largest_mib: float
    """Peak memory of its largest process since the previous sample."""

    sum_mib: float
    """Sum of these peaks over all processes. Shared memory counts once per process."""


@dataclass(frozen=True)
class WatchedRun:
    """A finished command with its samples."""

    started: float
    ended: float
    exit_code: int
    samples: list[Sample]
    """In order of time. The last one has the total CPU seconds that the system counted."""


@dataclass
class _Tree:
    """A process and its children, with the highest peak of each so far."""

    root: psutil.Process
    peaks: dict[int, int] = field(default_factory=dict)

    def sample(self, at: float) -> Sample:
        cpu_seconds, largest, total = 0.0, 0, 0
        for process in self._processes():
            try:
                times = process.cpu_times()
                resident, peak = _resident_and_peak(process.pid)
            except (psutil.Error, OSError):
                continue
            # The times of ended children are in their parent's.
            cpu_seconds += times.user + times.system + times.children_user + times.children_system
            # A new peak lies between this sample and the previous one.
            held = peak if peak > self.peaks.get(process.pid, 0) else resident
            self.peaks[process.pid] = peak
            largest = max(largest, held)
            total += held
        return Sample(at, cpu_seconds, largest / KIB_A_MIB, total / KIB_A_MIB)

    def _processes(self) -> list[psutil.Process]:
        try:
            return [self.root, *self.root.children(recursive=True)]
        except psutil.Error:
            return []


def watch(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    output: Path,
    log: Path,
    interval: float = INTERVAL_SECONDS,
) -> WatchedRun:
    """Runs `command` until it ends, and kills it if this call is interrupted.

    Args:
      command: the program and its arguments.
      folder: working folder.
      environment: its complete environment.
      output: file for its standard output.
      log: file for its standard error.
      interval: seconds between two samples.
    """
    samples: list[Sample] = []
    with output.open("wb") as out, log.open("wb") as err:
        started = time.time()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            tree = _Tree(psutil.Process(process.pid))
            while True:
                samples.append(tree.sample(time.time()))
                ended, status, usage = os.wait4(process.pid, os.WNOHANG)
                if ended:
                    break
                time.sleep(interval)
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    samples.append(Sample(time.time(), usage.ru_utime + usage.ru_stime, 0, 0))
    return WatchedRun(started, samples[-1].at, process.returncode, samples)


def _resident_and_peak(pid: int) -> tuple[int, int]:
    """Returns the resident and the peak memory of a process in KiB; 0 for a zombie."""
    fields = dict(
        line.split(":", 1)
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    )
    resident, peak = (int(fields.get(name, "0").split()[0]) for name in ("VmRSS", "VmHWM"))
    return resident, max(resident, peak)
