"""A command that the fork server starts behaves as one that an interpreter starts."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fork_server import ROOT, ForkedProcess, ForkServer, fork_server

pytestmark = pytest.mark.integration

SLEEPING = "import time\nprint('begun', flush=True)\ntime.sleep(600)\n"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "script.py"


@pytest.fixture(scope="module")
def bare() -> Iterator[ForkServer]:
    """A fork server that has not loaded TFX, and so is there at once."""
    server = ForkServer(loaded=False)
    yield server
    server.stop()


def write(script: Path, code: str) -> Path:
    script.parent.mkdir(exist_ok=True)
    script.write_text(code)
    return script


def begun(server: ForkServer, script: Path) -> ForkedProcess:
    """A process that sleeps, and has said so."""
    read, written = os.pipe()
    process = server.start([write(script, SLEEPING)], stdout=written)
    os.close(written)
    with os.fdopen(read) as lines:
        assert lines.readline() == "begun\n"
    return process


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "code",
    [
        "",
        "raise SystemExit",
        "raise SystemExit(3)",
        "raise SystemExit(257)",
        "raise SystemExit(-1)",
        "raise SystemExit('what is wrong')",
        "raise SystemExit(('no', 'text'))",
        "raise ValueError('wrong')",
        "raise KeyboardInterrupt",
        "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
        "import os; os._exit(9)",
        "import atexit; atexit.register(print, 'at the end'); print('ä', end='')",
        "import threading, time; threading.Thread(target=lambda: (time.sleep(0.2), print('late'))).start()",
        "import sys; sys.stderr.write('no line end')",
        "import warnings; warnings.warn('watch out')",
        "import sys; print(sys.argv, __name__, __file__, sys.path[0], sys.stdout.encoding, sys.modules['__main__'].x)",
        "import signal; print(signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))",
        "import sys; print(repr(sys.stdin.read()))",
        "import os; print(sorted(os.listdir('/proc/self/fd')), os.getcwd())",
        "import tempfile; print(tempfile.gettempdir())",
    ],
)
def test_a_script_does_what_it_does_in_an_interpreter(
    bare: ForkServer, script: Path, tmp_path: Path, code: str
) -> None:
    command = [str(write(script, f"x = 1\n{code}\n")), "--flag", "two words"]
    environment = {"PATH": "/usr/bin", "TMPDIR": str(tmp_path), "LC_CTYPE": "C.UTF-8"}
    real = subprocess.run(
        [sys.executable, *command],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    forked = bare.run(command, cwd=tmp_path, env=environment)
    assert (forked.returncode, forked.stdout) == (real.returncode, real.stdout)
    assert without_runpy(forked.stderr) == real.stderr


def without_runpy(errors: str) -> str:
    return "".join(line for line in errors.splitlines(keepends=True) if "runpy" not in line)


def test_the_environment_is_what_is_given_and_no_more(
    bare: ForkServer, script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_TEST", "1")
    write(script, "import json, os\nprint(json.dumps(dict(os.environ)), flush=True)\nos.system('env')\n")
    done = bare.run([script], env={"GIVEN": "a\nb", "PATH": "/usr/bin"})
    told, _, of_a_child = done.stdout.partition("\n")
    assert json.loads(told) == {"GIVEN": "a\nb", "PATH": "/usr/bin"}
    assert "OF_THE_TEST" not in of_a_child
    assert json.loads(bare.run([script]).stdout.partition("\n")[0])["OF_THE_TEST"] == "1"


def test_a_module_is_run_from_the_folder_and_the_search_path_that_are_given(bare: ForkServer, tmp_path: Path) -> None:
    package = tmp_path / "here" / "a_package"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "a_module.py").write_text("import sys, beside\nprint(sys.argv, __name__, sys.path[:2], beside.x)\n")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "beside.py").write_text("x = 5\n")
    done = bare.run(
        ["-m", "a_package.a_module", "y"], cwd=tmp_path / "here", env={"PYTHONPATH": str(tmp_path / "there")}
    )
    assert done.stderr == ""
    path = [str(tmp_path / "here"), str(tmp_path / "there")]
    assert done.stdout == f"{[str(package / 'a_module.py'), 'y']} __main__ {path} 5\n"


def test_what_is_killed_ends_by_the_signal(bare: ForkServer, script: Path) -> None:
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
        process = begun(bare, script)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        assert process.poll() is None
        process.send_signal(number)
        assert process.wait(60) == process.wait() == process.returncode == -number
        process.kill()  # Nothing happens: the number may be another process's by now.


def test_each_is_a_session_of_its_own_and_several_run_at_once(bare: ForkServer, script: Path) -> None:
    pair = [begun(bare, script), begun(bare, script)]
    assert [os.getsid(process.pid) for process in pair] == [process.pid for process in pair]
    os.killpg(pair[0].pid, signal.SIGKILL)
    assert pair[0].wait(60) == -signal.SIGKILL
    assert pair[1].poll() is None
    pair[1].kill()
    assert pair[1].wait(60) == -signal.SIGKILL


def test_tensorflow_is_loaded_and_not_started_and_no_two_children_draw_the_same(script: Path) -> None:
    write(
        script,
        "import os, sys\n"
        "assert {'tensorflow', 'tfx.v1', 'tensorflow_recommenders', 'pipeline.graph'} <= set(sys.modules)\n"
        "assert 'pipeline.kubeflow.pod.entrypoint' not in sys.modules and 'local_runner' not in sys.modules\n"
        "from tensorflow.python.eager import context\n"
        "assert context._context is None or not context._context._initialized\n"
        "assert len(os.listdir('/proc/self/task')) == 1\n"
        "import numpy, random, uuid\n"
        "print(numpy.random.rand(), random.random(), uuid.uuid4())\n",
    )
    drawn = [fork_server().run([script]) for _ in range(2)]
    assert [done.stderr for done in drawn] == ["", ""]
    first, second = (done.stdout.split() for done in drawn)
    assert not set(first) & set(second)


def test_the_end_of_the_test_process_is_the_end_of_all(script: Path) -> None:
    code = (
        "from tests.fork_server import ForkServer\n"
        "server = ForkServer(loaded=False)\n"
        f"process = server.start([{str(write(script, SLEEPING))!r}], stdout=1)\n"
        "print(server._process.pid, flush=True)\n"
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    [number] = re.findall(r"\d+", done.stdout)  # The pipe has ended, so the command that could write to it has too.
    end = time.monotonic() + 60
    while any(f"State:\t{state}" in status(number) for state in "RSD"):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_server_that_has_ended_says_so() -> None:
    server = ForkServer(loaded=False)
    server.run(["-m", "this"])
    server._process.kill()
    server._process.wait()
    with pytest.raises(RuntimeError, match="the fork server has ended"):
        server.start(["-m", "this"])


def status(number: str) -> str:
    try:
        return Path(f"/proc/{number}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
