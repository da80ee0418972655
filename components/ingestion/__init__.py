"""Turns review files into accepted examples: ReviewsFingerprint, RatingsExampleGen, DataGate."""
