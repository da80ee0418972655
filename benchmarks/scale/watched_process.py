"""A command in a process of its own, and what it and all its children take, seen from outside."""

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
    """What a tree of processes takes at a moment."""

    at: float
    """Seconds since the epoch."""

    cpu_seconds: float
    """Of all its processes until now, those included that ended."""

    largest_mib: float
    """The most that one of its processes has held since the sample before."""

    sum_mib: float
    """The same of all of them together; what two of them share counts twice."""


@dataclass(frozen=True)
class WatchedRun:
    """How a command ran."""

    started: float
    ended: float
    exit_code: int
    samples: list[Sample]
    """In the order of time. The last one has the CPU seconds that the system counted in the end."""


@dataclass
class _Tree:
    """A process and its children; the highest peaks that have been seen of them."""

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
            # Those of children who ended are in their parent's.
            cpu_seconds += times.user + times.system + times.children_user + times.children_system
            # A peak that has grown lies between this sample and the one before.
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
    """Runs `command` to its end, or to the end of this call.

    Args:
      command: the program and its arguments.
      folder: where it runs.
      environment: all of its environment.
      output: gets its standard output.
      log: gets its standard error stream.
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
    """Returns KiB that a process holds, and held at the most; 0 of one that has ended and is still listed."""
    fields = dict(
        line.split(":", 1)
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    )
    resident, peak = (int(fields.get(name, "0").split()[0]) for name in ("VmRSS", "VmHWM"))
    return resident, max(resident, peak)
