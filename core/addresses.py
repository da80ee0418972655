"""Hides user names and passwords of addresses in messages."""

import re
from typing import Final

# Matches everything before the last `@`, except a scheme: a malformed address may hold its password anywhere.
_USER_INFO: Final = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.-]*://)?.*@", re.DOTALL)
_HIDDEN: Final = "***@"

# Matches the user name and password of an address inside a text. White space ends the address.
_IN_TEXT: Final = re.compile(r"(?<=://)[^\s/@]+@")


def redacted(address: str) -> str:
    """Returns `address`, well-formed or not, with user name and password hidden."""
    return _USER_INFO.sub(rf"\1{_HIDDEN}", address)


def redacted_text(text: str) -> str:
    """Returns `text` with user names and passwords of addresses hidden: libraries repeat addresses in their errors."""
    return _IN_TEXT.sub(_HIDDEN, text)
