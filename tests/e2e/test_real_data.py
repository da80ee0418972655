"""Real reviews: the counts are pandas' counts, and the model is better than popularity on the same split."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from tests.e2e.runs import ROOT, Run, Runner

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]

DATA = ROOT.parent / "shared" / "data"
SMALL = DATA / "goodbooks-999-users" / "USER_ISBN_RATING_GENRES.csv"
LARGE = DATA / "goodbooks-v1" / "USER_ISBN_RATING_GENRES.csv.gz"


def printed(run: Run) -> dict[str, int]:
    """The counts that the run printed, by their labels."""
    found = re.findall(r"^ +(\S.*?) {2,}([\d,]+)$", run.output, re.MULTILINE)
    return {label: int(number.replace(",", "")) for label, number in found}


def counted_by_pandas(path: Path, min_reviews: int = 3) -> dict[str, int]:
    reviews = pd.read_csv(path, dtype={"User": str, "ISBN": str}, keep_default_na=False, na_values={"RatingOf5": [""]})
    rating = reviews.RatingOf5
    distinct = reviews.drop_duplicates(["User", "ISBN"], keep="last")
    books_a_user = distinct.groupby("User").ISBN.transform("size")
    kept = distinct[books_a_user >= min_reviews]
    return {
        "reviews": len(reviews),
        "unique users": reviews.User.nunique(),
        "unique books": reviews.ISBN.nunique(),
        "positive (> 3)": int((rating > 3).sum()),
        "moderate (= 3)": int((rating == 3).sum()),
        "negative (< 3)": int((rating < 3).sum()),
        "unrated": int(rating.isna().sum()),
        "kept interactions": len(kept),
        "kept users": kept.User.nunique(),
        "kept books": kept.ISBN.nunique(),
    }


def check_counts(done: Run, data: Path) -> None:
    """Checks that the run pushed, and that it counted what pandas counts."""
    assert done.exit_code == 0, done.output + done.errors
    counts = printed(done)
    for label, number in counted_by_pandas(data).items():
        assert counts[label] == number, label


@pytest.mark.exhaustive
@pytest.mark.skipif(not SMALL.exists(), reason=f"the real reviews are not at {SMALL}")
def test_counts_and_quality_on_999_readers(run: Runner) -> None:
    done = run(SMALL)
    check_counts(done, SMALL)
    metrics = json.loads(done.artifact("RetrievalEvaluator/evaluation/*/metrics.json").read_text())
    model, popularity = (metrics[name]["recall_at_20"]["value"] for name in ("model", "popularity"))
    assert model > 0.2 > 2 * popularity


@pytest.mark.large
@pytest.mark.skipif(not LARGE.exists(), reason=f"the real reviews are not at {LARGE}")
def test_counts_on_a_million_reviews(run: Runner) -> None:
    done = run(LARGE)
    check_counts(done, LARGE)
