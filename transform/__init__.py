"""Names, errors and preprocessing that every other room may import."""
