import logging
import threading

import pytest

from core.progress import ADVANCES_LOGGER_NAME, LOGGER_NAME, Advance, advance, tell, track, watched


def test_who_watches_hears_when_it_begins_how_far_it_comes_and_when_it_ends() -> None:
    heard: list[Advance] = []
    with watched(heard.append), track("reading", 10, "rows") as further:
        further(4)
        advance("reading", 10, "rows", 6)
    assert heard == [
        Advance("reading", 10, "rows", begins=True),
        Advance("reading", 10, "rows", 4),
        Advance("reading", 10, "rows", 6),
        Advance("reading", 10, "rows", over=True),
    ]


def test_what_fails_has_ended_too() -> None:
    heard: list[Advance] = []
    with pytest.raises(ValueError, match="broken"), watched(heard.append), track("reading", 10, "rows"):
        raise ValueError("broken")
    assert heard[-1].over


def test_threads_are_heard_one_at_a_time() -> None:
    inside, most, total = 0, 0, 0.0

    def observe(told: Advance) -> None:
        nonlocal inside, most, total
        inside += 1
        most = max(most, inside)
        total += told.by
        inside -= 1

    with watched(observe):
        threads = [
            threading.Thread(target=lambda: [advance("reading", 800, "rows", 1) for _ in range(100)]) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (most, total) == (1, 800)


def test_where_nobody_watches_no_log_has_it(caplog: pytest.LogCaptureFixture) -> None:
    """Messages are for every log at INFO; advances for those who ask."""
    with caplog.at_level(logging.INFO):
        with track("reading", 10, "rows") as further:
            further(10)
        tell("read")
    assert [(record.name, record.getMessage()) for record in caplog.records] == [(LOGGER_NAME, "read")]


def test_while_somebody_watches_no_other_log_has_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), watched(lambda told: None), track("reading", 10, "rows") as further:
        further(10)
    assert not caplog.records


def test_the_logger_is_left_as_it_was() -> None:
    logger = logging.getLogger(ADVANCES_LOGGER_NAME)
    before = (list(logger.handlers), logger.level, logger.propagate)
    with watched(lambda told: None):
        assert logger.level == logging.DEBUG
    assert (list(logger.handlers), logger.level, logger.propagate) == before


def test_a_display_that_fails_does_not_stop_the_step(capsys: pytest.CaptureFixture[str]) -> None:
    def observe(told: Advance) -> None:
        raise OSError("the terminal is gone")

    with watched(observe), track("reading", 10, "rows") as further:
        further(10)
    assert "the terminal is gone" in capsys.readouterr().err
