"""A gate's verdict: what was checked, the table that says what failed, and the artifact that carries both to Pusher."""

from typing import Any, NamedTuple

from tfx import v1 as tfx

from components.headline import describe, headline
from transform import features
from transform.json_files import write_json
from transform.progress import tell


class Check(NamedTuple):
    """One thing that was checked."""

    what: str
    found: str
    needed: str
    passed: bool


def write_verdict(blessing: Any, checks: list[Check], measured: dict[str, Any], marker: str) -> None:
    """Tells what was checked, and writes it into a blessing, which blesses if every check passed.

    Args:
      blessing: the artifact. Its property `blessed` is what Pusher goes by; `refused_because` and the numbers are for
        people.
      checks: at least one. They go into `checks.json`, for the report.
      measured: goes into `measured.json`, for the note beside the pushed model.
      marker: the empty file that says so to people: `BLESSED` or `INFRA_BLESSED`, as TFX's own components name it.
    """
    passed, found = all(check.passed for check in checks), table(checks)
    for line in found.splitlines():
        tell(line.strip())
    blessing.set_int_custom_property("blessed", int(passed))
    describe(blessing, headline(measured))
    if not passed:
        describe(blessing, {"refused_because": reasons(checks)})
    write_json(measured, f"{blessing.uri}/{features.MEASURED_FILE}")
    write_json([check._asdict() for check in checks], f"{blessing.uri}/{features.CHECKS_FILE}")
    files = {marker: ""} if passed else {marker.replace("BLESSED", "NOT_BLESSED"): "", features.REFUSAL_FILE: found}
    for name, text in files.items():
        with tfx.dsl.io.fileio.open(f"{blessing.uri}/{name}", "w") as file:
            file.write(text)


def reasons(checks: list[Check]) -> str:
    """Returns what did not pass, in a line."""
    return "; ".join(f"{check.what}: {check.found}, needed: {check.needed}" for check in checks if not check.passed)


def table(checks: list[Check]) -> str:
    """Returns the checks, a line each."""
    width = max(len(check.what) for check in checks)
    return "\n".join(
        f"  {'ok     ' if check.passed else 'REFUSED'}  {check.what:<{width}}  {check.found}"
        + ("" if check.passed else f"\n  {'':7}  {'':<{width}}  needed: {check.needed}")
        for check in checks
    )
