"""What is run, and when it need not be run again."""

import json
import sys
from pathlib import Path

from benchmarks.scale.parts import PIPELINE, Comparison
from data.synthetic.parameters import SyntheticParameters


def test_what_was_measured_is_kept_for_the_same_command_only(tmp_path: Path) -> None:
    reviews = SyntheticParameters(reviews=1_000, users=300, books=50)
    comparison = Comparison(tmp_path, reviews, ["--training.epochs", "2"])
    assert comparison.saved(PIPELINE) is None
    ran = [word for word in comparison.command(PIPELINE) if word != sys.executable]
    assert ran[:3] == ["local_runner.py", "--data", str(comparison.csv)]
    assert ran[-2:] == ["--training.epochs", "2"]
    result = {"command": comparison.command(PIPELINE), "steps": []}
    (comparison.folder / PIPELINE).mkdir(parents=True)
    (comparison.folder / PIPELINE / "result.json").write_text(json.dumps(result))
    assert comparison.saved(PIPELINE) == result
    assert Comparison(tmp_path, reviews, ["--training.epochs", "3"]).saved(PIPELINE) is None
    assert (
        Comparison(tmp_path, reviews.model_copy(update={"seed": 2}), ["--training.epochs", "2"]).saved(PIPELINE) is None
    )
    comparison.forget(PIPELINE)
    assert comparison.saved(PIPELINE) is None
