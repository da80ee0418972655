from pathlib import Path

import pytest

from pipeline.kubeflow.compile.caching import NEVER_CACHED, is_moving, may_be_cached

OWN = Path("data/schema/schema.pbtxt")
FIXED = "registry.example:5000/readalike:1a2b3c"


@pytest.mark.parametrize(
    ("image", "moving"),
    [
        ("readalike", True),
        ("readalike:latest", True),
        ("registry.example:5000/readalike", True),
        ("registry.example:5000/readalike:latest", True),
        ("registry.example:5000/readalike:1a2b3c", False),
        ("readalike@sha256:0123", False),
        ("readalike:latest@sha256:0123", False),
    ],
)
def test_a_tag_that_moves_says_nothing_about_the_code(image: str, moving: bool) -> None:
    assert is_moving(image) == moving
    assert may_be_cached("Trainer", image=image, schema_file=OWN) == (not moving)


@pytest.mark.parametrize("step", NEVER_CACHED)
def test_what_depends_on_the_world_is_never_cached(step: str) -> None:
    assert not may_be_cached(step, image=FIXED, schema_file=OWN)


def test_a_contract_from_outside_the_image_is_read_each_time() -> None:
    assert may_be_cached("Contract", image=FIXED, schema_file=OWN)
    mounted = Path("/volume/schema.pbtxt")
    assert not may_be_cached("Contract", image=FIXED, schema_file=mounted)
    assert may_be_cached("StatisticsGen", image=FIXED, schema_file=mounted)
