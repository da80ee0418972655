"""TFX's extensions come when they are asked for, each in a process that has not imported TFX."""

import subprocess
import sys

import pytest

START = """
import sys
from pipeline.start.lazy_extensions import defer_extensions
defer_extensions()
from tfx import v1 as tfx
import pipeline.graph
assert not hasattr(sys.modules["tfx.v1.extensions"], "__file__")
assert "google.cloud.aiplatform" not in sys.modules, "came with TFX"
"""


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "use",
    [
        "module = tfx.extensions.google_cloud_ai_platform",
        "import tfx.v1.extensions.google_cloud_ai_platform as module",
        "from tfx.v1.extensions import google_cloud_ai_platform as module",
    ],
)
def test_extensions_come_when_they_are_used(use: str) -> None:
    check = (
        "assert module.Trainer.__module__.startswith('tfx.extensions'); assert 'google.cloud.aiplatform' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", f"{START}\n{use}\n{check}"], check=True, capture_output=True, timeout=300)
