"""Keep ``None`` alive, to which CEL's values lose count.

With each null that CEL gives, it drops a reference to ``None`` that it never took. Python 3.12 and
later do not count them; before, some ten thousand nulls end the process ("none_dealloc").
"""

import ctypes
import sys

_MANY = 1 << 60


def keep_none_alive() -> None:
    """Add more references to ``None`` than could ever be dropped. Call it once."""
    if sys.version_info < (3, 12) and sys.implementation.name == "cpython":
        # The count is an object's first field, and nothing else of the object is touched.
        ctypes.c_ssize_t.from_address(id(None)).value += _MANY
