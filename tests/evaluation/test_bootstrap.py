import numpy as np
import pytest

from evaluation.bootstrap import interval, intervals, paired_interval


def test_two_users_by_hand() -> None:
    """Of two users the means are 0, 1/2 and 1, with probability 1/4, 1/2 and 1/4."""
    assert interval([0.0, 1.0], resamples=4000, level=0.95) == (0, 1)
    assert interval([0.0, 1.0], resamples=4000, level=0.4) == (0.5, 0.5)
    assert interval([0.0, 1.0, np.nan], resamples=4000, level=0.4) == (0.5, 0.5)


def test_it_is_as_wide_as_the_normal_approximation_of_a_share() -> None:
    """300 of 1,000 users: 0.3 +- 1.96 sqrt(0.3 * 0.7 / 1000) = 0.3 +- 0.0284."""
    lower, upper = interval(np.repeat([1.0, 0.0], [300, 700]), resamples=4000)
    assert (lower, upper) == pytest.approx((0.3 - 0.0284, 0.3 + 0.0284), abs=0.002)


def test_it_agrees_with_a_slow_loop() -> None:
    values = np.random.default_rng(1).exponential(size=50)
    generator = np.random.default_rng(2)
    means = sorted(np.mean([values[generator.integers(50)] for _ in range(50)]) for _ in range(3000))
    assert interval(values, resamples=20_000, level=0.9) == pytest.approx((means[150], means[2850]), abs=0.02)


def test_it_holds_the_true_mean_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(4)
    inside = 0
    for seed in range(400):
        lower, upper = interval(generator.normal(3, 1, 100), resamples=300, seed=seed, level=0.8)
        inside += lower <= 3 <= upper
    assert 0.72 <= inside / 400 <= 0.86


def test_measures_of_the_same_users_have_the_intervals_that_each_has_alone() -> None:
    values = np.random.default_rng(1).random((3, 90))
    together = intervals(values, resamples=250, seed=5)
    assert together == [pytest.approx(interval(own, resamples=250, seed=5)) for own in values]


def test_who_has_no_value_of_one_measure_counts_for_the_others() -> None:
    values = np.random.default_rng(1).random((3, 2_000))
    values[1, ::3] = np.nan
    values[2] = np.nan
    first, second, nobody = intervals(values, resamples=2_000)
    assert first == pytest.approx(interval(values[0], resamples=2_000))
    assert second == pytest.approx(interval(values[1], resamples=2_000, seed=1), abs=0.002)
    assert nobody == (0, 0)


def test_a_seed_gives_the_same_interval_and_another_seed_another() -> None:
    values = np.random.default_rng(1).normal(size=200)
    assert interval(values, seed=7) == interval(values, seed=7)
    assert interval(values, seed=7) != interval(values, seed=8)


def test_nobody_has_the_interval_0() -> None:
    assert interval([]) == (0.0, 0.0)
    assert interval([np.nan, np.nan]) == (0.0, 0.0)
    assert paired_interval([], []) == (0.0, 0.0)
    assert paired_interval([np.nan, 1.0], [1.0, np.nan]) == (0.0, 0.0)


def test_one_user_has_an_interval_without_width() -> None:
    assert interval([0.25]) == (0.25, 0.25)


def test_a_constant_difference_between_very_different_users_is_certain() -> None:
    second = np.random.default_rng(1).integers(0, 1000, 100).astype(np.float64)
    assert paired_interval(second + 2, second) == (2, 2)
    assert paired_interval(second, second + 2) == (-2, -2)


def test_pairs_with_a_nan_on_either_side_are_left_out() -> None:
    first = np.array([3.0, 900.0, np.nan, 5.0])
    second = np.array([1.0, np.nan, 900.0, 3.0])
    assert paired_interval(first, second) == (2, 2)


def test_a_paired_interval_is_that_of_the_differences() -> None:
    generator = np.random.default_rng(1)
    first, second = generator.random(80), generator.random(80)
    expected = interval(first - second, resamples=500, seed=3, level=0.9)
    assert paired_interval(first, second, resamples=500, seed=3, level=0.9) == expected
