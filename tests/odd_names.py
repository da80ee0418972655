"""Names that a file system takes and a library may not."""

from typing import Final

# Characters of patterns, of addresses, of shells and of quoting, a space and a letter beyond ASCII.
ODD_FOLDER: Final = "a[b]*?{c}#% 'é\""
