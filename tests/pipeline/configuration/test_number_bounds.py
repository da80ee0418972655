"""Every flag that takes a number refuses what is none, or too large for anything that gets it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from core.errors import ConfigurationError
from pipeline.configuration.config import PipelineConfig, read_config
from pipeline.configuration.number_bounds import LARGEST, faults

TOO_LARGE = "99999999999999999999999"


def number_flags(model: type[BaseModel], above: str = "--") -> Iterator[tuple[str, bool]]:
    """Yields the flags of numbers, and whether the number is whole."""
    for name, field in model.model_fields.items():
        flag, kinds = f"{above}{name.replace('_', '-')}", str(field.annotation)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from number_flags(field.annotation, f"{flag}.")
        elif re.search(r"\b(int|float)\b", kinds):
            yield flag, "float" not in kinds


@pytest.mark.parametrize("value", [TOO_LARGE, "inf"])
def test_each_flag_refuses_what_it_cannot_hold_by_its_name(value: str) -> None:
    flags = list(number_flags(PipelineConfig))
    assert len(flags) > 40
    for flag, whole in flags:
        if value == TOO_LARGE and not whole:
            continue
        name = flag.rpartition(".")[2].replace("-", "_")
        with pytest.raises(ConfigurationError, match=rf"{flag}[ .:]|\b{name} needs "):
            read_config(["--data=x", f"{flag}={value}"])


@pytest.mark.parametrize("value", ["-inf", "nan", "1e400", "-1e400", f"-{TOO_LARGE}", "\uff11\uff12", "0x10"])
def test_what_is_no_number_in_range_is_refused(value: str) -> None:
    for flag in ("--serving.max-p50-ms", "--keep-versions", "--kubeflow.defaults.memory-limit"):
        with pytest.raises(ConfigurationError, match=f"{flag} = "):
            read_config(["--data=x", f"{flag}={value}"])


def test_what_is_out_of_range_is_found_at_any_depth_and_seeds_have_bounds_of_their_own() -> None:
    values = {
        "a": LARGEST,
        "b": {"c": LARGEST + 1, "seed": 2**40, "d": (0.5, float("nan"))},
        "e": -(10**30),
        "f": True,
        "g": "9" * 30,
    }
    found = list(faults(values))
    assert [place for place, _, _ in found] == [("b", "c"), ("b", "d", "1"), ("e",)]
    assert {needed for _, _, needed in found} == {
        "Input should be at most 2,147,483,647",
        "Input should be a finite number",
    }


def test_a_number_in_the_file_is_told_by_its_place_there(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("keep_versions = 99999999999\n[serving]\nmax_p50_ms = inf\n")
    with pytest.raises(ConfigurationError) as caught:
        read_config(["--config", str(file)])
    assert "2 fault(s)" in str(caught.value)
    assert f"{file}: keep_versions = 99999999999: Input should be at most 2,147,483,647." in str(caught.value)
    assert f"{file}: serving.max_p50_ms = inf: Input should be a finite number." in str(caught.value)
