"""A column with the words of another one, folded, for a full-text index.

A database folds and splits text by its own tables, which differ. So Python does it once for all of
them, wherever the text is written: by ``save``, ``bulk_create``, ``update`` and ``bulk_update``.
"""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from django.db import models

from workbench.values.folding import split_words

M = TypeVar("M", bound=models.Model)


def join_words(text: str) -> str:
    """Return the folded words of the text with a space between them."""
    return " ".join(split_words(text))


class WordsField(models.TextField):  # type: ignore[type-arg]
    """The folded words of the field ``of``. Its model is a ``HasWords``."""

    def __init__(self, *args: Any, of: str, **options: Any) -> None:
        super().__init__(*args, **{"editable": False, "default": "", "db_default": "", **options})
        self.of = of

    def deconstruct(self) -> Any:
        name, path, args, options = super().deconstruct()
        return name, path, args, {**options, "of": self.of}

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        words = join_words(getattr(model_instance, self.of))
        setattr(model_instance, self.attname, words)
        return words


class WordsQuerySet(models.QuerySet[M]):
    """Writes the words with what they are the words of."""

    def update(self, **values: Any) -> int:
        for field in _words_fields(self.model):
            if field.of in values and field.name not in values:
                text = values[field.of]
                if not isinstance(text, str):
                    raise TypeError(f"Write {field.of} as text: the words of it are searched.")
                values[field.name] = join_words(text)
        return super().update(**values)

    def bulk_update(
        self, objs: Iterable[M], fields: Iterable[str], batch_size: int | None = None
    ) -> int:
        rows, names = list(objs), list(fields)
        for field in _words_fields(self.model):
            if field.of in names and field.name not in names:
                names.append(field.name)
                for row in rows:
                    field.pre_save(row, add=False)
        return super().bulk_update(rows, names, batch_size)


class HasWords(models.Model):
    """A model with a ``WordsField``."""

    objects = WordsQuerySet.as_manager()

    class Meta:
        abstract = True

    def save_base(self, *args: Any, **options: Any) -> None:
        if written := options.get("update_fields"):
            words = [field.name for field in _words_fields(type(self)) if field.of in written]
            options["update_fields"] = frozenset([*written, *words])
        super().save_base(*args, **options)


def _words_fields(model: type[models.Model]) -> Iterator[WordsField]:
    fields = model._meta.concrete_fields  # noqa: SLF001 - Django's public way to the columns
    return (field for field in fields if isinstance(field, WordsField))
