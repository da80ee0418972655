"""Builds a job server for Flink from its dependencies: `python -m scripts.flink_job_server --out DIR`.

It is for registries that have Beam's Flink runner and its dependencies, but not the finished job server. That has the
same classes in one jar. The result is a small jar that refers to the jars beside it. `local_runner.py` takes it by
`--flink-job-server-jar`. The jars may be of an older Beam than Python's, because the protocol is the same.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pipeline.local.flink_job_server import run_maven

BEAM_VERSION: Final = "2.62.0"
FLINK_VERSION: Final = "1.19"
MAIN_CLASS: Final = "org.apache.beam.runners.flink.FlinkJobServerDriver"
JAR: Final = "job-server.jar"
PARTS: Final = "parts"

# Maximum bytes in a line of a manifest. A longer line continues on the next one, after a space.
MANIFEST_LINE: Final = 72

RUNNER: Final = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>readalike</groupId>
  <artifactId>flink-job-server</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.beam</groupId>
      <artifactId>beam-runners-flink-{flink}</artifactId>
      <version>{beam}</version>
    </dependency>
  </dependencies>
</project>
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Builds the job server unless it exists, prints its path, and returns the exit code."""
    parser = argparse.ArgumentParser(prog="scripts.flink_job_server", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the job server")
    parser.add_argument("--beam-version", default=BEAM_VERSION, help="of the parts; default: %(default)s")
    parser.add_argument("--flink-version", default=FLINK_VERSION, help="without its last part; default: %(default)s")
    options = parser.parse_args(argv)
    try:
        print(make_job_server(options.out, options.beam_version, options.flink_version))
    except OSError as error:
        print(f"error: --out {options.out}: cannot be written ({error.strerror or error}).", file=sys.stderr)
        return 2
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        print(f"error: no job server can be made: {error}", file=sys.stderr)
        return 1
    return 0


def make_job_server(folder: Path, beam_version: str = BEAM_VERSION, flink_version: str = FLINK_VERSION) -> Path:
    """Returns the job server's jar in `folder`. It builds the folder atomically if the jar does not exist.

    Args:
      folder: folder of the job server, about 200 MB.
      beam_version: version of Beam's runner.
      flink_version: Flink version of the runner, such as 1.19.

    Raises:
      RuntimeError: Maven is missing, or it cannot fetch all jars.
      OSError: the folder cannot be written.
      subprocess.TimeoutExpired: Maven takes longer than 15 minutes.
    """
    folder = folder.resolve()  # Maven resolves relative paths from the project's folder.
    jar = folder / JAR
    if jar.is_file():
        return jar
    if shutil.which("mvn") is None:
        raise RuntimeError("there is no Maven (mvn) to fetch the parts of a job server with. Install it")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        beside = Path(temporary) / "job-server"
        parts = beside / PARTS
        project = RUNNER.format(beam=beam_version, flink=flink_version)
        (Path(temporary) / "pom.xml").write_text(project, encoding="utf-8")
        run_maven(
            Path(temporary), "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={parts}"
        )
        # Without a logger Beam and Flink log nothing.
        [logging] = parts.glob("slf4j-api-*.jar")
        version = logging.stem.removeprefix("slf4j-api-")
        logger = f"-Dartifact=org.slf4j:slf4j-simple:{version}"
        run_maven(Path(temporary), "dependency:copy", logger, f"-DoutputDirectory={parts}")
        names = sorted(f"{PARTS}/{part.name}" for part in parts.glob("*.jar"))
        with zipfile.ZipFile(beside / JAR, "w") as archive:
            archive.writestr("META-INF/MANIFEST.MF", manifest(names))
        if folder.exists():
            shutil.rmtree(folder)
        beside.rename(folder)
    return jar


def manifest(parts: Sequence[str]) -> str:
    """Returns the manifest of a jar that starts the job server with the jars `parts`, as paths relative to it."""
    lines = ["Manifest-Version: 1.0", f"Main-Class: {MAIN_CLASS}", f"Class-Path: {' '.join(parts)}"]
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _folded(line: str) -> str:
    rest = line[MANIFEST_LINE:]
    width = MANIFEST_LINE - 1
    return "\r\n ".join([line[:MANIFEST_LINE], *(rest[start : start + width] for start in range(0, len(rest), width))])


if __name__ == "__main__":
    sys.exit(main())
