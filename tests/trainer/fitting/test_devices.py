"""TensorFlow fixes its devices when it starts, so that two of them need a process of their own."""

import json
import subprocess
import sys

import pytest
import tensorflow as tf

from core.errors import ConfigurationError
from core.project import ROOT
from trainer.fitting.devices import strategy_for

PROGRAM = """
import json, sys
import numpy as np
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from trainer.hyperparameters import Hyperparameters
from data.histories import Histories
from trainer.fitting.schedule import Schedule
from trainer.fitting.training import reader_batches, train

read = [list(range(user % 2, 40, 2)) for user in range(60)]
histories = Histories(
    np.cumsum([0, *map(len, read)]).astype(np.int32), np.concatenate(read).astype(np.int32)
)
found = {}
for distribution in ("one", "mirrored"):
    parameters = Hyperparameters(distribution=distribution, learning_rate=0.01)
    trained = train(histories, 40, parameters, Schedule(16, 40), embedding_dim=8, temperature=0.1)
    scores = trained.towers.scores(histories, np.arange(60, dtype=np.int32))
    own = np.equal.outer(np.arange(60) % 2, np.arange(40) % 2)
    found[distribution] = {
        "losses": [epoch["loss"] for epoch in trained.epochs],
        "gap": float(np.mean(scores[own]) - np.mean(scores[~own])),
    }
found["sizes"] = [int(batch["user_id"].shape[0]) for batch in reader_batches(histories, 16, 1, 1, 2)]
found["small"] = [int(batch["user_id"].shape[0]) for batch in reader_batches(histories, 500, 1, 1, 2)]
json.dump(found, sys.stdout)
"""


def test_one_device_is_what_there_is_without_accelerators() -> None:
    for distribution in ("auto", "one"):
        assert strategy_for(distribution).num_replicas_in_sync == 1


def test_mirrored_on_one_device_is_refused_with_what_there_is() -> None:
    if len(tf.config.list_logical_devices("GPU")) > 1:
        pytest.skip("there are several accelerators here")
    with pytest.raises(ConfigurationError, match=r"TensorFlow sees 1 device .*auto"):
        strategy_for("mirrored")


@pytest.mark.exhaustive
def test_two_devices_learn_together_what_one_learns() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["sizes"] == [32]
    assert found["small"] == [60]
    for distribution in ("one", "mirrored"):
        assert found[distribution]["gap"] > 0.3
        assert found[distribution]["losses"][-1] < 0.7 * found[distribution]["losses"][0]
