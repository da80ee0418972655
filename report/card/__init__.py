"""The model card, as JSON and as Markdown."""
