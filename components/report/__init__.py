"""The report of a run: its facts, the page and the model card that are made of them."""
