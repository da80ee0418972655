"""Environment variables that TensorFlow and the linear algebra library read when they start."""

import os
from typing import Final

from threadpoolctl import threadpool_limits

# A run's TensorFlow operations are small and cost more with several threads than with one; numpy does the large ones.
# oneDNN's kernels are no faster here, and its memory pool never frees a model's tables.
OF_A_RUN: Final = {"TF_NUM_INTRAOP_THREADS": "1", "TF_ENABLE_ONEDNN_OPTS": "0"}

# numpy's and scipy's wheels read this variable when they are loaded.
LINEAR_ALGEBRA_VARIABLE: Final = "OPENBLAS_NUM_THREADS"
LINEAR_ALGEBRA_THREADS: Final = 1


def tell_tensorflow() -> None:
    """Sets TensorFlow's environment for a run. Existing values stay, except those for Keras 2 and the one thread.

    With other settings TensorFlow rounds differently: the same input then gives towers that differ in the fifth digit.
    """
    os.environ["TF_USE_LEGACY_KERAS"] = "1"  # TFRS needs Keras 2.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    for name, value in OF_A_RUN.items():
        os.environ.setdefault(name, value)
    one_thread_of_linear_algebra()


def one_thread_of_linear_algebra() -> None:
    """Limits numpy's and scipy's linear algebra to one thread in this process and its children, permanently.

    No other code sets this number. A product or an eigenvector differs in its last bits with the number of threads.
    With more threads, models would depend on a container's processors, and on any change of the number during a run.
    Long computations run `side_by_side` instead, one processor each. More threads than processors wait for each other
    by spinning: two fits took a tenth more time.
    """
    os.environ[LINEAR_ALGEBRA_VARIABLE] = str(LINEAR_ALGEBRA_THREADS)
    # A library that is loaded already no longer reads the environment.
    threadpool_limits(LINEAR_ALGEBRA_THREADS, user_api="blas")


def environment_of_a_server() -> dict[str, str]:
    """Returns this process's environment without the settings of a run: a server has its own threads and kernels."""
    told = {**OF_A_RUN, LINEAR_ALGEBRA_VARIABLE: str(LINEAR_ALGEBRA_THREADS)}
    return {name: value for name, value in os.environ.items() if told.get(name) != value}
