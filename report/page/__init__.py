"""The report: facts rendered as one self-contained HTML file with charts."""
