"""The location of this project."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
"""The folder of the checkout, with the runners and the rooms."""
