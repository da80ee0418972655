"""Confidence intervals of a mean over users, by resampling the users."""

import numpy as np
import numpy.typing as npt


def interval(values: npt.ArrayLike, resamples: int = 1000, seed: int = 0, level: float = 0.95) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean.

    The users are drawn anew with replacement, as many as there are, `resamples` times; the interval holds the middle
    `level` of the means. Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, 13.3.

    Args:
      values: `[n]`, one per user; NaN is left out.
      resamples: how many times the users are drawn.
      seed: the same seed gives the same interval.
      level: share of the means that the interval holds, between 0 and 1.

    Returns:
      The lower and the upper bound; (0, 0) if no value counts.
    """
    every = np.asarray(values, np.float64)
    counted = every[~np.isnan(every)]
    if not len(counted):
        return 0.0, 0.0
    lower, upper = np.quantile(_means(counted, resamples, seed), [(1 - level) / 2, (1 + level) / 2])
    return float(lower), float(upper)


def paired_interval(
    first: npt.ArrayLike, second: npt.ArrayLike, resamples: int = 1000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of `first - second`, two recommenders' values for the same users.

    An interval without 0 speaks for a real difference. The pairing takes out what users differ by under both, which
    two intervals side by side do not. Source: Sakai, Evaluating evaluation metrics based on the bootstrap, SIGIR 2006.

    Args:
      first: `[n]`, one value per user.
      second: `[n]`, for the same users in the same order; a user with a NaN in either is left out.
      resamples: how many times the users are drawn.
      seed: the same seed gives the same interval.
      level: share of the means that the interval holds, between 0 and 1.

    Returns:
      The lower and the upper bound; (0, 0) if no user counts.
    """
    differences = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    return interval(differences, resamples, seed, level)


def _means(values: npt.NDArray[np.float64], resamples: int, seed: int) -> npt.NDArray[np.float64]:
    """Returns `[resamples]` means. Drawn is how often each different value comes, which is the same as whose it is."""
    distinct, counts = np.unique(values, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(len(values), counts / len(values), resamples)
    return drawn @ distinct / len(values)
