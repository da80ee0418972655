import logging
import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from core.progress import tell
from core.terminal_text import PlainConsole
from pipeline.display.terminal import redirected_output, reported_steps


@pytest.mark.integration
def test_output_of_python_c_and_children_goes_to_the_log_and_the_console_to_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "run.log"
    with redirected_output(log) as console:
        os.write(2, b"from C++\n")
        subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
        console.print("for a person")
    os.write(1, b"afterwards\n")
    assert capfd.readouterr() == ("for a person\nafterwards\n", "")
    assert log.read_text() == "from C++\nfrom a child\n"


def test_the_output_is_restored_after_a_failure(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="broken"), redirected_output(tmp_path / "run.log"):
        raise ValueError("broken")
    os.write(1, b"out\n")
    os.write(2, b"err\n")
    assert capfd.readouterr() == ("out\n", "err\n")


def test_verbose_leaves_the_output_where_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    with redirected_output(None) as console:
        os.write(2, b"from C++\n")
        console.print("for a person")
    assert capfd.readouterr() == ("for a person\n", "from C++\n")


def test_steps_and_our_messages_are_shown_and_nothing_else() -> None:
    shown = StringIO()
    absl = logging.getLogger("absl")
    with reported_steps(PlainConsole(file=shown, force_terminal=False), ["First", "Second"]) as reporter:
        absl.info("Component First is running.")
        absl.info("Something about [First].")
        tell("1,234 rows [read]\n99 users")
        absl.info("Component First is finished.")
        absl.info("Component Second is running.")
        assert reporter.current == "Second"
    lines = shown.getvalue().splitlines()
    assert lines[0] == "[ 1/2] First ..."
    assert [line.strip() for line in lines[1:3]] == ["1,234 rows [read]", "99 users"]
    assert all(line.startswith(" ") for line in lines[1:3]), "below the name of their step"
    assert re.fullmatch(r"\[ 1/2\] First: \d+\.\d s", lines[3])
    assert lines[4:] == ["[ 2/2] Second ..."]


def test_what_the_steps_took_last_time_is_shown() -> None:
    shown = StringIO()
    with reported_steps(PlainConsole(file=shown, force_terminal=False), ["First"], {"First": 4.2}):
        logging.getLogger("absl").info("Component First is running.")
    assert shown.getvalue() == "[ 1/1] First ... (last time 4.2 s)\n"


def test_loggers_are_left_as_they_were() -> None:
    root = logging.getLogger()
    before = (list(root.handlers), root.level, logging.getLogger("absl").level)
    with reported_steps(PlainConsole(file=StringIO()), []):
        assert root.level == logging.INFO
    assert (list(root.handlers), root.level, logging.getLogger("absl").level) == before
