"""How TFX and TensorFlow are loaded: told first what they ask when they are imported, and in less time."""

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.lazy_extensions import defer_extensions
from transform.tensorflow_settings import tell_tensorflow
from transform.uncollected import uncollected


@contextmanager
def loading() -> Iterator[None]:
    """Prepares the process for TFX, which is to be imported within."""
    tell_tensorflow()
    defer_extensions()
    with uncollected():
        yield
