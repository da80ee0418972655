"""What TensorFlow looks for in the environment when it starts."""

import os
from typing import Final

# What TensorFlow does in a run is made of small operations, which cost more by several threads than by one; what is
# large is numpy's. The kernels of oneDNN are no faster here, and its memory pool keeps every model's tables for good.
OF_A_RUN: Final = {"TF_NUM_INTRAOP_THREADS": "1", "TF_ENABLE_ONEDNN_OPTS": "0"}


def tell_tensorflow() -> None:
    """Sets what a run needs, unless somebody set it before.

    With other settings TensorFlow rounds otherwise: the same input then gives towers that differ in the fifth digit.
    """
    os.environ["TF_USE_LEGACY_KERAS"] = "1"  # TFRS needs Keras 2.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    for name, value in OF_A_RUN.items():
        os.environ.setdefault(name, value)


def environment_of_a_server() -> dict[str, str]:
    """Returns this process's environment without what a run told TensorFlow: a server has its threads and kernels."""
    return {name: value for name, value in os.environ.items() if OF_A_RUN.get(name) != value}
