"""ServingValidator: loads the exported model in a separate process like a server, and blesses or refuses it.

`serving.probe` is that process. It needs neither Docker nor a cluster.
"""

import json
import os
import subprocess
import sys
from typing import Any, Final

from tfx import v1 as tfx

from components.artifacts.verdict import Check, write_verdict
from components.serving.serving_budget import ServingBudget
from core.project import ROOT
from core.tensorflow_settings import environment_of_a_server

PROBE: Final = "serving.probe"

# Time allowed to the probe beyond loading before it counts as hung.
PATIENCE_SECONDS: Final = 600.0
SHOWN_LINES: Final = 5


@tfx.dsl.components.component
def ServingValidator(  # noqa: N802 (components are nouns)
    model: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Model],
    blessing: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.InfraBlessing],
    budget: tfx.dsl.components.Parameter[str],
) -> None:
    """Blesses the model if a server can serve it within the budget.

    Args:
      model: the model that Trainer exported.
      blessing: receives the verdict, `measured.json` for the release note, and, on refusal, `refusal.txt`.
      budget: `ServingBudget`, as JSON.
    """
    limits = ServingBudget.model_validate_json(budget)
    found = probe(f"{model.uri}/Format-Serving", limits)
    write_verdict(blessing, judge(found, limits), {"serving": found}, "INFRA_BLESSED")


def probe(folder: str, budget: ServingBudget) -> dict[str, Any]:
    """Returns the probe's findings on the model in `folder`, or only `broken` with the reason if the probe fails."""
    # The held end closes when this process ends, even if killed; the probe reads the other end and then stops too.
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
    """Returns the checks of the probe's findings."""
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
