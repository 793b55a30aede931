"""Why a stored file cannot be read or written."""


class StoreUnfit(Exception):
    """A setting of the store cannot be used. ``remedy`` says what to do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class StoreAway(OSError):
    """The store does not answer, or refuses: the same call may succeed later."""


class FileUnreadable(Exception):
    """A stored file is there, and its content cannot be trusted or decrypted."""


class FileDamaged(FileUnreadable):
    """The content is not what was stored: cut off, changed, or another file's."""


class FileKeyMissing(FileUnreadable):
    """The file was encrypted with a key that is not among those that are set."""
