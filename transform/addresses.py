"""Addresses in messages: whom they let in, a name with a password, is nobody's to read."""

import re
from typing import Final

# All before the last `@`, but for a scheme: an address that is none may have its password anywhere.
_USER_INFO: Final = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.-]*://)?.*@", re.DOTALL)
_HIDDEN: Final = "***@"


def redacted(address: str) -> str:
    """Returns `address`, well-formed or not, without a user's name and password."""
    return _USER_INFO.sub(rf"\1{_HIDDEN}", address)
