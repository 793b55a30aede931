"""Files in a folder, each there only once it is whole."""

import os
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.core.files.storage import FileSystemStorage

INCOMING = ".incoming"


class WholeFileStorage(FileSystemStorage):
    """Writes a file beside the others and then gives it its name, in one step."""

    def _save(self, name: str, content: Any) -> str:
        aside = f"{INCOMING}/{uuid4().hex}"
        written = Path(self.path(aside))
        try:
            super()._save(aside, content)  # type: ignore[misc] # the stubs leave it out
            with written.open("rb") as file:
                # On the disk before a row names it: a power cut leaves a whole file or none.
                os.fsync(file.fileno())
            final = Path(self.path(name))
            final.parent.mkdir(
                mode=self.directory_permissions_mode or 0o777, parents=True, exist_ok=True
            )
            written.replace(final)
        except BaseException:
            written.unlink(missing_ok=True)
            raise
        return name.replace("\\", "/")
