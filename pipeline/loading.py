"""How TFX and TensorFlow are loaded: told first what they ask when they are imported, and in less time."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.lazy_extensions import defer_extensions


@contextmanager
def loading() -> Iterator[None]:
    """Prepares the process for TFX, which is to be imported within."""
    tell_tensorflow()
    defer_extensions()
    # Modules are no garbage: neither while they are loaded, of which looking for it takes a quarter, nor later.
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def tell_tensorflow() -> None:
    """Sets in the environment what TensorFlow looks for there when it starts, unless somebody set it before.

    With other settings it rounds otherwise: the same input then gives towers that differ in the fifth digit.
    """
    os.environ["TF_USE_LEGACY_KERAS"] = "1"  # TFRS needs Keras 2.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    # What TensorFlow does here is made of small operations, which cost more by several threads than by one; what is
    # large is numpy's.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    # Its operations are no faster here, and its memory pool keeps the tables of every model for good.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
