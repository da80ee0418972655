"""Bootstrap confidence intervals of means over users."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

BLOCK_RESAMPLES: Final = 100


def intervals(
    values: npt.ArrayLike, resamples: int = 1000, seed: int = 0, level: float = 0.95
) -> list[tuple[float, float]]:
    """Returns percentile bootstrap intervals for the means of several metrics of the same users.

    Each resample draws `n` users with replacement, the same ones for all metrics. An interval holds the middle `level`
    of the resampled means. Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, 13.3.

    Args:
      values: `[m, n]`, m metrics of n users; NaN values are ignored.
      resamples: number of resamples.
      seed: the same seed gives the same intervals.
      level: share of the resampled means in an interval, between 0 and 1.

    Returns:
      m pairs of lower and upper bound; (0, 0) for a metric without values.
    """
    every = np.asarray(values, np.float64)
    if not every.size:
        return [(0.0, 0.0)] * len(every)
    counted = ~np.isnan(every)
    # [2 m, n]
    summed = np.concatenate([np.where(counted, every, 0), counted])
    blocks = [drawn @ summed.T for drawn in _drawn(every.shape[1], resamples, seed)]
    sums, sizes = np.split(np.concatenate(blocks), 2, axis=1)
    means = np.divide(sums, sizes, out=np.full(sums.shape, np.nan), where=sizes > 0)
    bounds = [(1 - level) / 2, (1 + level) / 2]
    found = [
        np.quantile(own[~np.isnan(own)], bounds) if own_sizes.any() else (0, 0)
        for own, own_sizes in zip(means.T, sizes.T, strict=True)
    ]
    return [(float(lower), float(upper)) for lower, upper in found]


def interval(values: npt.ArrayLike, resamples: int = 1000, seed: int = 0, level: float = 0.95) -> tuple[float, float]:
    """Returns the percentile bootstrap interval of a single metric, `values` `[n]`; see `intervals`."""
    every = np.asarray(values, np.float64)
    [found] = intervals(every[np.newaxis, ~np.isnan(every)], resamples, seed, level)
    return found


def paired_interval(
    first: npt.ArrayLike, second: npt.ArrayLike, resamples: int = 1000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Returns the percentile bootstrap interval of the mean of `first - second`, two models' values for the same users.

    An interval without 0 indicates a real difference. Pairing removes the variation between users that both models
    share; two separate intervals do not. Source: Sakai, Evaluating evaluation metrics based on the bootstrap, SIGIR
    2006.

    Args:
      first: `[n]`, one value per user.
      second: `[n]`, for the same users in the same order; a user with a NaN in either is left out.
      resamples: number of resamples.
      seed: the same seed gives the same interval.
      level: share of the resampled means in the interval, between 0 and 1.

    Returns:
      The lower and the upper bound; (0, 0) if every user is left out.
    """
    differences = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    return interval(differences, resamples, seed, level)


def _drawn(users: int, resamples: int, seed: int) -> Iterator[npt.NDArray[np.float64]]:
    """Yields float64 `[block, users]` for each block of resamples: how often each user is drawn."""
    random = np.random.default_rng(seed)
    for start in range(0, resamples, BLOCK_RESAMPLES):
        size = min(BLOCK_RESAMPLES, resamples - start)
        places = random.integers(users, size=(size, users)) + np.arange(size)[:, np.newaxis] * users
        yield np.bincount(places.ravel(), minlength=size * users).reshape(size, users).astype(np.float64)
