"""Reviews of a moment, on which a benchmark can run."""

import numpy as np
import pandas as pd


def reviews(seed: int = 0, readers: int = 60) -> pd.DataFrame:
    """Readers of two tastes with 2 to 14 of the 60 books of their taste."""
    random = np.random.default_rng(seed)
    rows = [
        (f"reader {user}", f"book {2 * book + user % 2}", "4", "")
        for user in range(readers)
        for book in random.choice(60, 2 + user % 13, replace=False)
    ]
    return pd.DataFrame(rows, columns=["User", "ISBN", "RatingOf5", "Genres"])
