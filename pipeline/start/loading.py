"""Loads TFX and TensorFlow faster, with their settings in place before the import."""

from collections.abc import Iterator
from contextlib import contextmanager

from core.tensorflow_settings import tell_tensorflow
from core.uncollected import uncollected
from pipeline.start.lazy_extensions import defer_extensions


@contextmanager
def loading() -> Iterator[None]:
    """Prepares the process for the import of TFX inside the `with` block."""
    tell_tensorflow()
    defer_extensions()
    with uncollected():
        yield
