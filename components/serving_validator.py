"""ServingValidator: loads the exported model in a process of its own the way a server does, and blesses or refuses it.

Neither Docker nor a cluster is needed. `serving.probe` is that process.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from tfx import v1 as tfx

from components.serving_budget import ServingBudget
from components.verdict import Check, write_verdict
from transform.tensorflow_settings import environment_of_a_server

PROBE: Final = "serving.probe"
ROOT: Final = Path(__file__).resolve().parent.parent

# How long the probe may take beyond loading, before it counts as hung.
PATIENCE_SECONDS: Final = 600.0
SHOWN_LINES: Final = 5


@tfx.dsl.components.component
def ServingValidator(  # noqa: N802 (components are nouns)
    model: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Model],
    blessing: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.InfraBlessing],
    budget: tfx.dsl.components.Parameter[str],
) -> None:
    """Decides whether a server can serve the model.

    Args:
      model: what Trainer exported.
      blessing: gets the verdict, `measured.json` for the note beside the pushed model, and `refusal.txt` if it is
        against the model.
      budget: `ServingBudget`, as JSON.
    """
    limits = ServingBudget.model_validate_json(budget)
    found = probe(f"{model.uri}/Format-Serving", limits)
    write_verdict(blessing, judge(found, limits), {"serving": found}, "INFRA_BLESSED")


def probe(folder: str, budget: ServingBudget) -> dict[str, Any]:
    """Returns what the probe found about the model in `folder`, or `broken` with what became of the probe."""
    # The end that this process holds closes with it, however it ends: the probe, which reads the other, ends too.
    read_end, held_end = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-m", PROBE, "--while-stdin-is-open", folder],
            stdin=read_end,
            cwd=ROOT,
            env=environment_of_a_server(),
            capture_output=True,
            text=True,
            timeout=budget.max_load_seconds + PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return {"broken": [f"neither loaded nor answered within {error.timeout:g} s"]}
    finally:
        os.close(read_end)
        os.close(held_end)
    if done.returncode != 0:
        last = " | ".join(done.stderr.strip().splitlines()[-SHOWN_LINES:])
        return {"broken": [f"ended the process that loaded it, with exit code {done.returncode}: {last}"]}
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def judge(found: dict[str, Any], budget: ServingBudget) -> list[Check]:
    """Returns the checks of what the probe found."""
    broken = found["broken"]
    kept = Check("what it promises to consumers", "; ".join(broken) or "kept", "no broken promise", not broken)
    if "load_seconds" not in found:
        return [kept]
    limits = (
        ("seconds to load", found["load_seconds"], budget.max_load_seconds, "max-load-seconds"),
        ("milliseconds a request, median", found["p50_ms"], budget.max_p50_ms, "max-p50-ms"),
        ("milliseconds a request, 99th percentile", found["p99_ms"], budget.max_p99_ms, "max-p99-ms"),
        ("MiB of memory at the most", found["peak_memory_mib"], budget.max_memory_mib, "max-memory-mib"),
        ("MiB a heavy request", found["request_memory_mib"], budget.max_request_memory_mib, "max-request-memory-mib"),
    )
    return [kept] + [
        Check(what, f"{value:.1f}", f"at most {most:g} (--serving.{flag})", value <= most)
        for what, value, most, flag in limits
    ]
