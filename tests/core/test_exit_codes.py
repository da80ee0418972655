import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import DataError, GateError, KubeflowError, ReadalikeError
from core.exit_codes import CLOSED_PIPE, with_exit_code
from core.project import ROOT


@pytest.mark.parametrize(("error", "code"), [(DataError, 2), (GateError, 3), (KubeflowError, 1), (ReadalikeError, 1)])
def test_an_error_of_ours_is_one_line_and_its_code(
    error: type[ReadalikeError], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    @with_exit_code()
    def main() -> int:
        raise error("x.csv: is empty.")

    assert main() == code
    assert capsys.readouterr() == ("", "error: x.csv: is empty.\n")


def test_an_interrupt_is_told_in_the_programs_own_words(capsys: pytest.CaptureFixture[str]) -> None:
    @with_exit_code("stopped; go on with the same command")
    def main() -> int:
        raise KeyboardInterrupt

    assert main() == 130
    assert capsys.readouterr() == ("", "\nstopped; go on with the same command\n")


def test_what_is_returned_and_what_nobody_expects_come_through() -> None:
    @with_exit_code()
    def main(code: int) -> int:
        """Ends with `code`."""
        return 10 // code

    assert main(5) == 2
    assert main.__doc__ == "Ends with `code`."
    with pytest.raises(ZeroDivisionError):
        main(0)


PROGRAM = """
import sys
from core.exit_codes import CLOSED_PIPE, with_exit_code
from core.terminal_text import PlainConsole

@with_exit_code()
def main() -> int:
    if sys.argv[1] == "print":
        print("x" * 100_000)
    else:
        PlainConsole().print("x" * 100_000)
    return 0

sys.exit(main())
"""


def ended(output: str, way: str) -> tuple[int, str]:
    """Returns the exit code, and what stands on the standard error, of a program whose `output` takes nothing."""
    command = [sys.executable, "-c", PROGRAM, way]
    if output == "full":
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        return done.returncode, done.stderr
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    return done.returncode, done.stderr


@pytest.mark.integration
@pytest.mark.parametrize("way", ["print", "console"])
def test_a_closed_pipe_ends_a_program_without_a_trace(way: str) -> None:
    assert ended("closed", way) == (CLOSED_PIPE, "")


@pytest.mark.integration
@pytest.mark.parametrize("way", ["print", "console"])
def test_a_full_device_is_told(way: str) -> None:
    code, said = ended("full", way)
    assert code == 2
    assert said.startswith("error: ")
    assert "No space left on device" in said
    assert said.count("\n") == 1
