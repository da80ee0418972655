"""Decides which steps Kubeflow may cache. Its cache key is image, command and input values of a step."""

from pathlib import PurePath
from types import MappingProxyType
from typing import Final

# Steps whose result depends on more than their inputs, and the reason.
NEVER_CACHED: Final = MappingProxyType(
    {
        "ReviewsFingerprint": "looks at the reviews as they are now",
        "DataGate": "reads and replaces the statistics that the last run left",
        "RetrievalEvaluator": "compares with the model that is served now",
        "ServingValidator": "measures the machine as it is now",
        "ModelCard": "names the revision of the code",
        "Pusher": "changes what is served",
        "RunReport": "says when the run was, and of which revision",
    }
)
CONTRACT: Final = "Contract"


def may_be_cached(step: str, *, image: str, schema_file: PurePath) -> bool:
    """Returns True if an earlier result of `step` may be reused.

    Args:
      step: the node.
      image: its container image. Its tag identifies the code only if the tag never moves.
      schema_file: the data contract. Its path identifies its content only if the file is part of the image.
    """
    of_outside = step == CONTRACT and schema_file.is_absolute()
    return step not in NEVER_CACHED and not is_moving(image) and not of_outside


def is_moving(image: str) -> bool:
    """Returns True if the name `image` may refer to other code later."""
    name = image.rpartition("/")[2]
    return "@" not in name and name.partition(":")[2] in ("", "latest")
