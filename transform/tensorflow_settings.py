"""What TensorFlow, and the library of linear algebra, look for in the environment when they start."""

import os
from typing import Final

from threadpoolctl import threadpool_limits

# What TensorFlow does in a run is made of small operations, which cost more by several threads than by one; what is
# large is numpy's. The kernels of oneDNN are no faster here, and its memory pool keeps every model's tables for good.
OF_A_RUN: Final = {"TF_NUM_INTRAOP_THREADS": "1", "TF_ENABLE_ONEDNN_OPTS": "0"}

# What numpy's and scipy's wheels ask when they are loaded.
LINEAR_ALGEBRA_VARIABLE: Final = "OPENBLAS_NUM_THREADS"
LINEAR_ALGEBRA_THREADS: Final = 1


def tell_tensorflow() -> None:
    """Sets what a run needs, unless somebody set it before.

    With other settings TensorFlow rounds otherwise: the same input then gives towers that differ in the fifth digit.
    """
    os.environ["TF_USE_LEGACY_KERAS"] = "1"  # TFRS needs Keras 2.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    for name, value in OF_A_RUN.items():
        os.environ.setdefault(name, value)
    one_thread_of_linear_algebra()


def one_thread_of_linear_algebra() -> None:
    """Gives numpy's and scipy's linear algebra one thread in this process and its children, for good.

    This is the only place that sets the number, and it knows only one. A product or an eigenvector differs in its last
    bits with the number of threads. So models would differ with the processors that a container gets, and with the
    moment if anything changed the number during a run. What takes long is done `side_by_side` instead, one processor a
    side. More threads than processors wait for each other by spinning: two fits took a tenth more time.
    """
    os.environ[LINEAR_ALGEBRA_VARIABLE] = str(LINEAR_ALGEBRA_THREADS)
    # A library that is loaded already does not ask the environment any more.
    threadpool_limits(LINEAR_ALGEBRA_THREADS, user_api="blas")


def environment_of_a_server() -> dict[str, str]:
    """Returns this process's environment without what a run told libraries: a server has its threads and kernels."""
    told = {**OF_A_RUN, LINEAR_ALGEBRA_VARIABLE: str(LINEAR_ALGEBRA_THREADS)}
    return {name: value for name, value in os.environ.items() if told.get(name) != value}
