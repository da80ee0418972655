"""Server processes: TF Serving where it, or a Docker engine, is installed; else `tests.serving.wire`, which speaks as
it does."""

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from core.errors import ServingError
from core.project import ROOT
from serving.client import Client, connect

TF_SERVING = "tensorflow_model_server"
IN_A_CONTAINER = f"{TF_SERVING} in a container"
WIRE = "wire"
SCHEMES = ("grpc", "http")
POLL_SECONDS = {TF_SERVING: "1", IN_A_CONTAINER: "1", WIRE: "0.2"}
ENGINE_SECONDS = 20.0
PULL_SECONDS = 600.0

# For what takes seconds on a machine with nothing else to do.
PATIENCE_SECONDS = 120.0


def image() -> str:
    """Returns the container image of TF Serving, which `serving/docker-compose.yaml` names."""
    services = yaml.safe_load((ROOT / "serving" / "docker-compose.yaml").read_text())["services"]
    return str(services["readalike"]["image"])


def found_kind() -> str:
    """Returns the truest kind of server that this machine has."""
    if shutil.which(TF_SERVING):
        return TF_SERVING
    has_image = _docker("image", "inspect", image(), seconds=ENGINE_SECONDS)
    return IN_A_CONTAINER if has_image or _docker("pull", "--quiet", image(), seconds=PULL_SECONDS) else WIRE


def _docker(*arguments: str, seconds: float) -> bool:
    """Returns whether Docker does what it is asked for; not if there is no engine."""
    if not shutil.which("docker"):
        return False
    try:
        return subprocess.run(["docker", *arguments], capture_output=True, timeout=seconds, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


KIND = found_kind()


class Server:
    """One process that serves a push folder."""

    def __init__(self, kind: str, push_dir: Path, log: Path, *, batching: bool = False, ports: list[int] | None = None):
        """Starts the process, which takes its time.

        Args:
          kind: which server.
          push_dir: what is served.
          log: where its error stream goes.
          batching: whether it joins requests.
          ports: for gRPC and REST; None: any.
        """
        self._log = log
        self._ports = ports or (None if kind == WIRE else free_ports())
        command = _wire(push_dir, batching) if kind == WIRE else tf_serving(kind, push_dir, log, batching)
        grpc_flag, rest_flag = ("--grpc-port", "--rest-port") if kind == WIRE else ("--port", "--rest_api_port")
        if self._ports is not None:
            command += [f"{grpc_flag}={self._ports[0]}", f"{rest_flag}={self._ports[1]}"]
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )

    def wait(self) -> None:
        """Returns when it serves."""
        if self._ports is None:
            assert self._process.stdout is not None
            line = self._process.stdout.readline()
            assert line, self._log.read_text()
            ports = json.loads(line)
            self._ports = [ports["grpc"], ports["rest"]]
        with self.connect("http", timeout_seconds=PATIENCE_SECONDS) as client:
            wait_for_version(client, 0)

    def address(self, scheme: str) -> str:
        assert self._ports is not None
        return f"{scheme}://127.0.0.1:{self._ports[scheme != 'grpc']}"

    def connect(self, scheme: str, *, version: int | None = None, timeout_seconds: float = 60.0) -> Client:
        return connect(self.address(scheme), version=version, timeout_seconds=timeout_seconds)

    def stop(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.terminate()
        self._process.wait(PATIENCE_SECONDS)
        self._process.stdout.close()


def wait_for_version(client: Client, number: int) -> None:
    """Returns when a version of at least this number is there; fails if it never comes."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            if any(one.state == "AVAILABLE" and one.version >= number for one in client.status()):
                return
        except ServingError as error:
            if error.status != "NOT_FOUND":
                raise
        time.sleep(0.05)
    raise AssertionError(f"version {number} is not served")


def wait_until(happened: Callable[[], bool], check: Callable[[], object] = lambda: None) -> None:
    """Returns when `happened` says so; fails when it never does, and where `check`, called meanwhile, does."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        check()
        assert time.monotonic() < until
        time.sleep(0.02)


def free_ports() -> list[int]:
    """Returns two ports at which nobody listens."""
    with socket.socket() as first, socket.socket() as second:
        for one in (first, second):
            one.bind(("127.0.0.1", 0))
        return [first.getsockname()[1], second.getsockname()[1]]


def _wire(push_dir: Path, batching: bool) -> list[str]:
    command = [sys.executable, "-m", "tests.serving.wire", f"--push-dir={push_dir}"]
    return [*command, f"--poll-seconds={POLL_SECONDS[WIRE]}", *(["--batching"] if batching else [])]


def tf_serving(kind: str, push_dir: Path, log: Path, batching: bool) -> list[str]:
    """Returns the command of TF Serving. A container has the machine's network and the folders where they are here."""
    command = [TF_SERVING]
    if kind == IN_A_CONTAINER:
        folders = [f"--volume={folder}:{folder}:ro" for folder in (push_dir, log.parent)]
        command = ["docker", "run", "--rm", "--init", "--network=host", *folders, f"--entrypoint={TF_SERVING}", image()]
    command += ["--model_name=readalike", f"--model_base_path={push_dir}"]
    command += [f"--file_system_poll_wait_seconds={POLL_SECONDS[kind]}"]
    if batching:
        parameters = log.with_suffix(".batching")
        parameters.write_text(
            "max_batch_size { value: 64 } batch_timeout_micros { value: 20000 } num_batch_threads { value: 2 } "
            "pad_variable_length_inputs: true"
        )
        command += ["--enable_batching", f"--batching_parameters_file={parameters}"]
    return command
