"""Selects the devices that train, from those that TensorFlow sees."""

import tensorflow as tf

from core.errors import ConfigurationError


def strategy_for(distribution: str) -> tf.distribute.Strategy:
    """Returns the strategy under which a model is built and fitted.

    Args:
      distribution: see `Hyperparameters`.

    Raises:
      ConfigurationError: `mirrored` is set, and there are not two devices of one kind.
    """
    accelerators = tf.config.list_logical_devices("GPU")
    if distribution == "one" or (distribution == "auto" and len(accelerators) < 2):
        return tf.distribute.get_strategy()
    devices = accelerators or tf.config.list_logical_devices("CPU")
    if len(devices) < 2:
        raise ConfigurationError(
            f"--training.distribution mirrored: TensorFlow sees {len(devices)} device ({devices[0].name}), and two are "
            "needed. Give the process more accelerators, or leave the choice to auto."
        )
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def has_accelerator() -> bool:
    """Returns True if TensorFlow sees a GPU."""
    return bool(tf.config.list_logical_devices("GPU"))
