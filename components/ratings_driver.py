"""What happens before RatingsExampleGen runs: the input's fingerprint goes into ML Metadata and the cache key.

The stock driver takes the input for a folder and its name for a pattern: for a single file, or below a name with
brackets, it finds nothing, and a changed file would have the fingerprint of the old one.
"""

from typing import Any

from tfx.components.example_gen import driver, input_processor  # FileBasedExampleGen's parts are in no public module.

from components.review_sources import fingerprint


class ReviewsInput(input_processor.FileBasedInputProcessor):
    """A file or a folder, whatever its name. There are no spans."""

    def resolve_span_and_version(self) -> tuple[int, int | None]:
        """Takes the fingerprint. Returns span 0 without a version."""
        self._fingerprint = fingerprint(self._input_base_uri)
        return 0, None


class RatingsDriver(driver.FileBasedDriver):
    """FileBasedExampleGen's driver, with `ReviewsInput`."""

    def get_input_processor(
        self, splits: Any, range_config: Any = None, input_base_uri: str | None = None
    ) -> input_processor.InputProcessor:
        """Returns what knows the input at `input_base_uri`."""
        return ReviewsInput(input_base_uri, splits, range_config)
