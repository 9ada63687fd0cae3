"""How large a file may be that somebody gives us, as pages say it and readers keep to it.

Nothing here loads Django: the process that parses files has its memory for the file.
"""

from __future__ import annotations

MAX_UPLOAD = 20 * 2**20
MAX_UNPACKED = 200 * 2**20
MAX_ROWS = 100_000
MAX_COLUMNS = 64
