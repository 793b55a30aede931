"""Encrypt with the newest key what is stored otherwise, file by file, while others work."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from django.core.files.base import File
from django.core.files.storage import storages
from django.db.models import Model, QuerySet

from workbench.files.errors import FileUnreadable
from workbench.files.storage import SealingStorage, plain_name_of
from workbench.files.verified import Verified

# Younger files may belong to a row that is being written.
SETTLED = timedelta(hours=1)
_MODELS: list[type[Model]] = []


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A file that was encrypted anew, or why it was not."""

    path: str
    problem: str = ""


def register_stored(model: type[Model]) -> None:
    """Have the files of a model encrypted anew: it has ``path``, ``digest`` and ``size``."""
    _MODELS.append(model)


def count_others() -> int:
    """Return how many rows name a file that the newest key did not encrypt."""
    suffix = _get_store().suffix
    return sum(_rows(model).exclude(path__endswith=suffix).count() for model in _MODELS)


def rewrite_all() -> Iterator[Rewritten]:
    """Encrypt each file anew. Stopped and called again, it goes on where it was.

    A file that cannot be read stays as it is. Raises: StoreAway.
    """
    store = _get_store()
    for model in _MODELS:
        after = 0
        others = _rows(model).exclude(path__endswith=store.suffix).order_by("pk")
        while row := others.filter(pk__gt=after).first():
            after = row.pk
            yield _rewrite(store, model, row)


def _rewrite(store: SealingStorage, model: type[Model], row: Any) -> Rewritten:
    try:
        with store.open(row.path) as opened:
            content = cast(Any, Verified(cast(Any, opened), row.digest, row.size))
            path = store.save(plain_name_of(row.path), File(content, row.path))
    except (FileNotFoundError, FileUnreadable) as error:
        return Rewritten(row.path, str(error) or "The file is missing.")
    is_moved = _rows(model).filter(path=row.path).update(path=path)
    store.delete(row.path if is_moved else path)
    return Rewritten(row.path)


def delete_leftovers(now: datetime) -> Iterator[str]:
    """Delete files whose content another file has, which a row names; yield their names.

    They are left by whoever was stopped between the row and the deletion. Raises: StoreAway.
    """
    store = _get_store()
    for model in _MODELS:
        folders = {posixpath.dirname(path) for path in _paths(model).iterator()}
        for folder in sorted(folders):
            named = set(_paths(model).filter(path__startswith=f"{folder}/"))
            contents = {plain_name_of(path) for path in named}
            for name in store.listdir(folder)[1]:
                path = f"{folder}/{name}"
                is_left = path not in named and plain_name_of(path) in contents
                if is_left and store.get_modified_time(path) < now - SETTLED:
                    store.delete(path)
                    yield path


def _get_store() -> SealingStorage:
    return cast(SealingStorage, storages["default"])


def _rows(model: type[Model]) -> Any:
    return QuerySet(model)


def _paths(model: type[Model]) -> Any:
    return _rows(model).values_list("path", flat=True)
