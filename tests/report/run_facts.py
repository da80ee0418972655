"""Facts of runs as they end: pushed, as a real run left them, refused by a gate, or failed early. And hostile ones."""

from functools import cache
from pathlib import Path
from typing import Any

from report.facts.data import Anomaly, Drift
from report.facts.model import Check, Exposure, Gate, Mover, NewForStrangers, Served
from report.facts.run import RunFacts, Step

EXAMPLE = Path(__file__).parent / "facts_example.json"
HOSTILE = (
    "<script>alert(1)</script></style><img src=x onerror=alert(1)>\"'`&amp;{{ 7 * 7 }}\u202e\u2028\x08\tñï—書\U0001f4da"
    + "x" * 300
)
# What a text of the facts cannot be: they are of these values, or read as a time.
FIXED = {"outcome", "state", "started", "finished", "pushed_at"}


@cache
def pushed() -> RunFacts:
    return RunFacts.model_validate_json(EXAMPLE.read_text(encoding="utf-8"))


@cache
def refused() -> RunFacts:
    """Refused by RetrievalEvaluator: worse than the served model. Something in the reviews is probably not meant."""
    full = pushed()
    assert full.came_in is not None
    assert full.evaluated is not None
    quality = full.gates[0]
    failing = Check(
        what="Recall@20 against the served model",
        found="0.1813 against 0.2340; difference -0.0581 to -0.0471",
        needed="difference above -0.0117 (--evaluation.max-recall-loss 0.05)",
        passed=False,
    )
    served = Served(
        version="1795628496",
        recall=0.2340123,
        recall_of_new_model=0.1813456,
        known_books=0.9987,
        heldout_interactions_left_out=12,
        exposure=Exposure(
            readers=2146,
            drift=0.0898,
            places_in_common=0.848,
            risen=(
                Mover(
                    isbn="The <b>lifted</b> book",
                    before=0.0013979,
                    after=0.2041007,
                    leap=0.1741,
                    readers=208,
                    books_of_a_reader=8,
                ),
            ),
            fallen=(Mover(isbn="Dune", before=0.31, after=0.28, leap=-0.65, readers=801, books_of_a_reader=97),),
            new_for_strangers=(NewForStrangers(isbn="The <b>lifted</b> book", former_place=1998, place=1),),
        ),
    )
    return full.model_copy(
        update={
            "run_id": "20261126-181000",
            "outcome": "refused",
            "started": "2026-11-26T18:10:00Z",
            "finished": "2026-11-26T18:14:00Z",
            "failed_step": quality.step,
            "error": "The model was refused:\n  REFUSED  Recall@20 against the served model",
            "gates": (Gate(step=quality.step, passed=False, checks=(quality.checks[0], failing, *quality.checks[1:])),),
            "came_in": full.came_in.model_copy(update={"notes": ("2 books were rounded: a.csv:2 (9,78292E+12).",)}),
            "evaluated": full.evaluated.model_copy(update={"served": served}),
            "serving": None,
            "pushed": None,
            "steps": tuple(
                step
                if step.name not in ("Pusher", "RunReport")
                else Step(name=step.name, state="stopped" if step.name == "Pusher" else "not reached")
                for step in full.steps
            ),
        }
    )


@cache
def refused_data() -> RunFacts:
    """Refused by DataGate: the reviews break the contract and have drifted."""
    full = pushed()
    assert full.came_in is not None
    anomaly = Anomaly(feature="RatingOf5", problem="Out-of-range values", detail="Unexpectedly large value: 9.")
    drift = Drift(feature="Genres", measure="largest change of a value's share", value=0.31, threshold=0.1)
    came_in = full.came_in.model_copy(update={"anomalies": (anomaly,), "drift": (drift,)})
    return bare(full, "20261127-090000").model_copy(
        update={"outcome": "refused", "failed_step": "DataGate", "error": "The data were refused.", "came_in": came_in}
    )


@cache
def failed() -> RunFacts:
    """Failed before anything was read."""
    steps = (
        Step(name="ReviewsFingerprint", state="done", seconds=0.1, peak_memory_mib=812.5),
        Step(name="RatingsExampleGen", state="failed", seconds=0.2),
        Step(name="Trainer", state="not reached"),
    )
    return bare(pushed(), "20261124-090000").model_copy(
        update={
            "outcome": "failed",
            "started": None,
            "finished": None,
            "seconds": None,
            "failed_step": "RatingsExampleGen",
            "error": "reviews.csv has no column User.\n  columns:  a, b",
            "steps": steps,
        }
    )


def bare(full: RunFacts, run_id: str) -> RunFacts:
    """A run of which nothing but its lineage is known."""
    kept = {"pipeline", "runner", "outcome", "started", "finished", "seconds", "lineage"}
    return RunFacts(run_id=run_id, **{name: getattr(full, name) for name in kept})


@cache
def hostile() -> RunFacts:
    """The refused run, with every text that comes from outside replaced."""
    return RunFacts.model_validate(_replaced(refused().model_dump()))


def _replaced(tree: Any, name: str = "") -> Any:
    if isinstance(tree, dict):
        return {key: _replaced(value, key) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        # Only the first few: the text is long.
        return [_replaced(value, name) if place < 3 else value for place, value in enumerate(tree)]
    named = name == "name" and tree in ("model", "popularity")
    return HOSTILE if isinstance(tree, str) and name not in FIXED and not named else tree
