"""Addresses in messages: whom they let in, a name with a password, is nobody's to read."""

import re
from typing import Final

# All before the last `@`, but for a scheme: an address that is none may have its password anywhere.
_USER_INFO: Final = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.-]*://)?.*@", re.DOTALL)
_HIDDEN: Final = "***@"

# Of an address in a text, which ends it at a blank: what stands before its host.
_IN_TEXT: Final = re.compile(r"(?<=://)[^\s/@]+@")


def redacted(address: str) -> str:
    """Returns `address`, well-formed or not, without a user's name and password."""
    return _USER_INFO.sub(rf"\1{_HIDDEN}", address)


def redacted_text(text: str) -> str:
    """Returns `text` without the users and passwords of the addresses in it, which libraries repeat in their errors."""
    return _IN_TEXT.sub(_HIDDEN, text)
