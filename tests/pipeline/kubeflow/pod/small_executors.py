"""A TFX executor that does little, and fails in every way."""

import json
from pathlib import Path
from typing import Any

from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_executor

from core.errors import DataError, GateError
from core.progress import tell


class Observer(base_executor.BaseExecutor):
    """Reads its input's file and properties, and writes down what it saw."""

    def Do(  # noqa: N802 (TFX's name)
        self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]
    ) -> None:
        raise_error(exec_properties.get("failure", ""))
        [examples], [found], [answer] = input_dict["examples"], output_dict["found"], output_dict["answer"]
        seen = {
            "type": examples.type_name,
            "text": Path(examples.uri, "part.txt").read_text(),
            "splits": examples.split_names,
            "payload_format": examples_utils.get_payload_format_string(examples),
            "rows": examples.get_int_custom_property("rows"),
            "share": examples.get_float_custom_property("share"),
            "copied_from": examples.get_string_custom_property("copied_from"),
            "parameters": exec_properties,
        }
        tell("two lines\nfor people")
        Path(found.uri, "seen.json").write_text(json.dumps(seen))
        found.set_string_custom_property("folder", f"{found.uri}/below")
        found.set_string_custom_property("elsewhere", "/somewhere/else")
        found.set_int_custom_property("rows", 3)
        answer.value = "yes"


def raise_error(failure: str) -> None:
    """Raises what is asked for; an error of ours is the cause of another, as when a library has had it in hand."""
    if failure == "data":
        raise RuntimeError("wrapped") from DataError("reviews.csv:7: no book. Correct the row.")
    if failure == "gate":
        raise GateError("The gate stays closed:\n  a table")
    if failure:
        raise ValueError(failure)
