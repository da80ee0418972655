"""The one logger whose messages are for the person who watches a run."""

import logging
from typing import Final

LOGGER_NAME: Final = "readalike.progress"


def tell(message: str) -> None:
    """Tells the person who watches; the runner decides where it is shown."""
    logging.getLogger(LOGGER_NAME).info(message)
