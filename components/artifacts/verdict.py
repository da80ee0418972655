"""A gate's verdict: the checks, their table, and the blessing artifact that passes both to Pusher."""

from typing import Any, NamedTuple

from tfx import v1 as tfx

from components.artifacts.headline import describe, headline
from core.progress import tell
from storage.json_files import write_json
from transform import features


class Check(NamedTuple):
    """One check: its name, the value found, the value needed, and the result."""

    what: str
    found: str
    needed: str
    passed: bool


def write_verdict(blessing: Any, checks: list[Check], measured: dict[str, Any], marker: str) -> None:
    """Logs the checks and writes them into `blessing`, which blesses the model if all of them passed.

    Args:
      blessing: the artifact. Pusher reads its property `blessed`; `refused_because` and the numbers are for people.
      checks: at least one check, written to `checks.json` for the report.
      measured: the measurements, written to `measured.json` for the release note.
      marker: name of the empty marker file for people: `BLESSED` or `INFRA_BLESSED`, as in TFX's own components.
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
    """Returns the failed checks in one line."""
    return "; ".join(f"{check.what}: {check.found}, needed: {check.needed}" for check in checks if not check.passed)


def table(checks: list[Check]) -> str:
    """Returns the checks as a table, with an extra line for each failed one."""
    width = max(len(check.what) for check in checks)
    return "\n".join(
        f"  {'ok     ' if check.passed else 'REFUSED'}  {check.what:<{width}}  {check.found}"
        + ("" if check.passed else f"\n  {'':7}  {'':<{width}}  needed: {check.needed}")
        for check in checks
    )
