import pytest

from pipeline.kubeflow.submit.cron import six_fields


@pytest.mark.parametrize(
    ("given", "six"),
    [
        ("0 3 * * 1", "0 0 3 * * 1"),
        ("*/15 * * * *", "0 */15 * * * *"),
        ("30 0 3 * * 1", "30 0 3 * * 1"),
        ("  0  0 9  ? *  MON-FRI ", "0 0 9 ? * MON-FRI"),
        ("0 0 0 1,15 jan,jul *", "0 0 0 1,15 jan,jul *"),
        ("0 5/20 8-18/2 * * 0,6", "0 5/20 8-18/2 * * 0,6"),
        ("0 0 0 29 2 *", "0 0 0 29 2 *"),
        ("0 0 0 31 2 MON", "0 0 0 31 2 MON"),
        ("@daily", "@daily"),
        ("@every 1h30m", "@every 1h30m"),
    ],
)
def test_what_comes_out_has_six_fields(given: str, six: str) -> None:
    assert six_fields(given) == six


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("", "0 fields"),
        ("0 3 * *", "4 fields"),
        ("0 0 3 * * 1 2030", "7 fields"),
        ("0 0 24 * * *", "hour 24: must be 0 to 23"),
        ("60 * * * *", "minute 60: must be 0 to 59"),
        ("0 0 0 * * 7", "day of the week 7: must be 0 to 6 or SUN to SAT"),
        ("0 0 0 * 13 *", "month 13: must be 1 to 12 or JAN to DEC"),
        ("0 0 0 0 * *", "day of the month 0: must be 1 to 31"),
        ("0 0 18-8 * * *", "begins after its end"),
        ("0 */0 * * * *", "the step after / must be a number above 0"),
        ("0 */x * * * *", "the step after /"),
        ("0 0,, 3 * * *", "minute without a value"),
        ("0 0 3 * * MONDAY", "day of the week MONDAY"),
        ("0 0 ² * * *", "hour ²"),
        ("0 0 0 31 2 *", "never comes"),
        ("0 0 0 31 4,6,9,11 ?", "never comes"),
        ("@sometimes", "must be one of @yearly"),
        ("@every 0s", "must be one of @yearly"),
        ("@every", "must be one of @yearly"),
    ],
)
def test_what_the_server_would_refuse_or_read_otherwise_is_refused(given: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        six_fields(given)
