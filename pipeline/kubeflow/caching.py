"""Which steps Kubeflow may answer from its cache. It knows a step by its image, its command and its inputs' values."""

from pathlib import PurePath
from types import MappingProxyType
from typing import Final

# Steps whose answer depends on something that is no input of theirs, and on what.
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
    """Returns whether an earlier answer of `step` may be taken for today's.

    Args:
      step: the node.
      image: its container image. The tag stands for the code only if it never moves.
      schema_file: the contract. Its path stands for what is in it only where it is part of the image.
    """
    of_outside = step == CONTRACT and schema_file.is_absolute()
    return step not in NEVER_CACHED and not is_moving(image) and not of_outside


def is_moving(image: str) -> bool:
    """Returns whether the same name `image` may stand for other code tomorrow."""
    name = image.rpartition("/")[2]
    return "@" not in name and name.partition(":")[2] in ("", "latest")
