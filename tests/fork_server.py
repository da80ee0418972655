"""Commands of this project, forked from a process that has loaded TFX and TensorFlow, which takes 10 seconds and more.

What differs from an interpreter that starts: modules are loaded already, with what they asked of the environment then
(`tell_tensorflow`'s settings hold, Python's own variables but for `PYTHONPATH` do not), and all have one hash seed. So
whoever tests how a command starts, what it loads, or what depends on the hash seed, starts a real process.
TensorFlow's runtime is not started before the fork: its threads would be missing in the children.
"""

import atexit
import io
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Any, Final, NoReturn

from core.project import ROOT
from pipeline.start.loading import loading

# What the process that forks inherits: no more, so that it does not depend on the test that needs it first.
_INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH")
_NUMBER: Final = struct.Struct("i")


class ForkedProcess:
    """A command that runs, or has run; as `subprocess.Popen`, as far as it goes. One thread at a time may wait."""

    def __init__(self, args: Sequence[str], channel: socket.socket):
        """Takes the command, and the socket by which the fork server tells its process id, and how it ended."""
        self.args = args
        self.returncode: int | None = None
        self._channel = channel
        self.pid = self._number()

    def wait(self, timeout: float | None = None) -> int:
        """Returns the exit code; of what was killed, the signal's negative number.

        Raises:
          subprocess.TimeoutExpired: it still runs after `timeout` seconds.
        """
        if self.returncode is None:
            if not select.select([self._channel], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(list(self.args), timeout or 0)
            self.returncode = self._number()
            self._channel.close()
        return self.returncode

    def poll(self) -> int | None:
        """Returns what `wait` does; None while it still runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number: int) -> None:
        """Sends a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Ends it at once."""
        self.send_signal(signal.SIGKILL)

    def _number(self) -> int:
        if not (told := self._channel.recv(_NUMBER.size)):
            raise RuntimeError("the fork server has ended")
        return int(_NUMBER.unpack(told)[0])


class ForkServer:
    """The process that has loaded everything. Several threads may start commands."""

    def __init__(self, *, loaded: bool = True) -> None:
        """Starts the process, and does not wait until it has loaded anything.

        Args:
          loaded: whether it loads TFX at all.
        """
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process.
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.fork_server", str(theirs.fileno()), *(["loaded"] if loaded else [])],
                cwd=ROOT,
                env={name: os.environ[name] for name in _INHERITED if name in os.environ},
                stdin=subprocess.DEVNULL,
                stdout=self._errors,
                stderr=self._errors,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def start(
        self,
        argv: Sequence[str | os.PathLike[str]],
        *,
        cwd: str | os.PathLike[str] = ROOT,
        env: Mapping[str, str] | None = None,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
    ) -> ForkedProcess:
        """Starts a command in a session of its own, with nothing to read.

        Args:
          argv: what stands after `python`: a script or `-m` and a module, and their arguments.
          cwd: its folder.
          env: all of its environment; None: this process's.
          stdout: a file, or its descriptor, which the caller closes; None: this process's.
          stderr: likewise.
        """
        words = [os.fspath(word) for word in argv]
        files = [file if isinstance(file, int) else file.fileno() for file in (stdout or 1, stderr or 2)]
        request = {"argv": words, "cwd": os.fspath(cwd), "env": dict(os.environ if env is None else env)}
        channel, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(self._requests, [b"?"], [theirs.fileno(), *files])
            channel.sendall(json.dumps(request).encode())
            channel.shutdown(socket.SHUT_WR)
            return ForkedProcess(words, channel)
        except (OSError, RuntimeError) as error:
            channel.close()
            self._errors.seek(0)
            raise RuntimeError(f"the fork server has ended: {self._errors.read().decode()}") from error

    def run(
        self,
        argv: Sequence[str | os.PathLike[str]],
        *,
        cwd: str | os.PathLike[str] = ROOT,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end, and captures what it says, as `subprocess.run` does."""
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
            process = self.start(argv, cwd=cwd, env=env, stdout=output, stderr=errors)
            try:
                process.wait(timeout)
            finally:
                process.kill()
            for file in (output, errors):
                file.seek(0)
            return subprocess.CompletedProcess(process.args, process.wait(), output.read(), errors.read())

    def stop(self) -> None:
        """Ends the process, and with it all that it has forked and that still runs."""
        self._requests.close()
        self._process.wait()
        self._errors.close()


_STARTING: Final = threading.Lock()


def fork_server() -> ForkServer:
    """Returns the one fork server of this process, which the first call starts."""
    with _STARTING:
        return _started()


@cache
def _started() -> ForkServer:
    server = ForkServer()
    atexit.register(server.stop)
    return server


def _load() -> None:
    """Imports what runs of the pipeline import, in their order."""
    from serving import showcase  # noqa: F401

    with loading():
        import tensorflow_recommenders  # noqa: F401
        from kfp.pipeline_spec import pipeline_spec_pb2  # noqa: F401
        from tfx import v1  # noqa: F401
        from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor  # noqa: F401

        from pipeline import graph  # noqa: F401


def _serve(requests: socket.socket) -> socket.socket | None:
    """Forks a child for each request, and tells who asked its number and how it ended.

    Returns:
      In a child: the socket that has its command. In the process itself: None, when nobody can ask any more.
    """
    running: dict[int, tuple[int, socket.socket]] = {}  # By a descriptor of the process.
    while True:
        for ready in select.select([requests.fileno(), *running], [], [])[0]:
            if ready in running:
                pid, channel = running.pop(ready)
                os.close(ready)
                with channel, suppress(BrokenPipeError):  # Perhaps nobody waits for it.
                    channel.sendall(_NUMBER.pack(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))
                continue
            asked, files, _, _ = socket.recv_fds(requests, 1, 3)
            if not asked:
                for pid, _ in running.values():
                    os.kill(pid, signal.SIGKILL)
                return None
            channel = socket.socket(fileno=files.pop(0))
            if (pid := os.fork()) == 0:
                os.setsid()
                for file, own in zip(files, (1, 2), strict=True):
                    os.dup2(file, own)
                for other in (requests, *(other for _, other in running.values())):
                    other.close()
                for file in (*files, *running):
                    os.close(file)
                channel.sendall(_NUMBER.pack(os.getpid()))
                return channel
            for file in files:
                os.close(file)
            running[os.pidfd_open(pid)] = (pid, channel)


def _become(channel: socket.socket, search_path: Sequence[str]) -> None:
    """Runs, in a child, the command that is asked for, as an interpreter does that starts."""
    import numpy as np

    signal.signal(signal.SIGINT, signal.default_int_handler)
    with channel, channel.makefile("rb") as file:
        request = json.load(file)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    time.tzset()
    tempfile.tempdir = None
    np.random.seed()
    assert isinstance(sys.stdout, io.TextIOWrapper)
    sys.stdout.reconfigure(line_buffering=os.isatty(1), write_through=bool(os.environ.get("PYTHONUNBUFFERED")))
    is_module = request["argv"][0] == "-m"
    sys.argv = request["argv"][is_module:]
    added = [str(Path(place).absolute()) for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place]
    sys.path[:] = [str(Path.cwd()) if is_module else str(Path(sys.argv[0]).resolve().parent), *added, *search_path]
    if is_module:
        sys.modules.pop(sys.argv[0], None)
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(sys.argv[0], run_name="__main__")


def _end(command: Callable[[], None]) -> NoReturn:
    """Ends this process with `command`, as an interpreter does that ends.

    But it takes no module apart, for which it would copy most of what it shares with the process that forked it.
    """
    code, interrupted = 1, False
    try:
        command()
        code = 0
    except SystemExit as error:
        code = 0 if error.code is None else error.code & 0xFF if isinstance(error.code, int) else 1
        if error.code is not None and not isinstance(error.code, int):
            print(error.code, file=sys.stderr)
    except BaseException as error:
        place = error.__traceback__
        while place is not None and place.tb_frame.f_code.co_filename == __file__:
            place = place.tb_next
        sys.excepthook(type(error), error.with_traceback(place), place)
        interrupted = isinstance(error, KeyboardInterrupt)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    with suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    if interrupted:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(code)


def _main() -> None:
    search_path = sys.path[1:]
    if "loaded" in sys.argv:
        _load()
    requests = socket.socket(fileno=int(sys.argv[1]))
    if (channel := _serve(requests)) is not None:
        _end(lambda: _become(channel, search_path))
    os._exit(0)


if __name__ == "__main__":
    _main()
