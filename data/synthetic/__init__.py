"""Synthetic reviews, shaped like real ones: user activity, books reviewed, ratings, names, titles and genres."""
