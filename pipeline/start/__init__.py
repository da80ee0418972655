"""Preparations before TFX is imported."""
