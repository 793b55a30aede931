"""What is wrong with a file that cannot be read."""


class Unreadable(ValueError):
    """A file, or a page of it, is not read.

    ``code`` is one of ``empty``, ``unknown_type``, ``unsupported_type``, ``ambiguous``,
    ``encrypted``, ``broken``, ``too_large``, ``too_slow``, ``no_page`` and ``no_engine``. The
    message says what is wrong, ``remedy`` what to do.
    """

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(f"{message} {remedy}")
        self.code = code
        self.message = message
        self.remedy = remedy
