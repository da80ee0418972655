"""Artifacts that components exchange: Parquet examples, verdicts, headline metrics, model cards."""
