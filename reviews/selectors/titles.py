"""Find cases by the words of their titles, in a full-text index.

PostgreSQL has a GIN index (migration 0009). SQLite has a table of its own kind (FTS5) that triggers
keep; they go when a migration rebuilds the table of cases, so they are looked after it.
"""

import re
import string
from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction

# What has more cases than this is common: the next ones of a list soon have some.
MOST = 900
MOST_WORDS = 8
_WORD = re.compile(r"[^\W_]+")

# A text search of PostgreSQL reads "A-47" as a number below zero: without its marks it is words.
_MARKS = string.punctuation.replace("'", "''").replace("%", "%%")
TITLE_WORDS = f"to_tsvector('simple', translate(title, '{_MARKS}', repeat(' ', 32)))"
FIND = {
    "postgresql": (
        f"SELECT id FROM reviews_case WHERE {TITLE_WORDS} "  # noqa: S608
        "@@ to_tsquery('simple', %s) LIMIT %s"
    ),
    "sqlite": "SELECT rowid FROM reviews_casetitle WHERE reviews_casetitle MATCH %s LIMIT %s",
}
_FORGET = (
    "INSERT INTO reviews_casetitle (reviews_casetitle, rowid, title) "
    "VALUES ('delete', old.id, old.title)"
)
_NOTE = "INSERT INTO reviews_casetitle (rowid, title) VALUES (new.id, new.title)"
TRIGGERS = {
    "reviews_case_titled": f"AFTER INSERT ON reviews_case BEGIN {_NOTE}; END",
    "reviews_case_retitled": (
        f"AFTER UPDATE OF title ON reviews_case BEGIN {_FORGET}; {_NOTE}; END"
    ),
    "reviews_case_untitled": f"AFTER DELETE ON reviews_case BEGIN {_FORGET}; END",
}
TABLE = """
CREATE VIRTUAL TABLE reviews_casetitle USING fts5(
    title, content='reviews_case', content_rowid='id', prefix='2 3 4',
    tokenize='unicode61 remove_diacritics 0'
)
"""


def split_words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def has_words(title: str, words: Sequence[str]) -> bool:
    """Return whether the title has the words; the last may be the beginning of a word."""
    there = split_words(title)
    *whole, last = words
    return all(word in there for word in whole) and any(word.startswith(last) for word in there)


def find_titled_cases(words: Sequence[str]) -> list[int] | None:
    """Return the ids of all cases whose titles have the words; None if there are too many.

    The last word is taken for a whole one first: a database adds up all words that begin like a
    common one before it gives a case. Two queries at most, one more on SQLite.
    """
    if not _has_index():
        return None
    found: list[int] = []
    for ending in ("", "*"):
        found = _look_up(words, ending)
        if len(found) > MOST:
            return None
    return found


def _look_up(words: Sequence[str], ending: str) -> list[int]:
    if connection.vendor == "sqlite":
        asked = " ".join(f'"{word}"' for word in words[:MOST_WORDS]) + ending
    else:
        asked = " & ".join(f"'{word}'" for word in words[:MOST_WORDS]) + ending.replace("*", ":*")
    with connection.cursor() as cursor:
        cursor.execute(FIND[connection.vendor], [asked, MOST + 1])
        return [row[0] for row in cursor.fetchall()]


def _has_index() -> bool:
    """Return whether there is an index: SQLite may have been built without FTS5."""
    return connection.vendor != "sqlite" or _count("sqlite_master", "reviews_casetitle") == 1


def _count(table: str, *names: str) -> int:
    with connection.cursor() as cursor:
        places = ", ".join(["%s"] * len(names))
        cursor.execute(f"SELECT count(*) FROM {table} WHERE name IN ({places})", names)  # noqa: S608
        return int(cursor.fetchone()[0])


def ensure_title_index(**_: Any) -> None:
    """Make the index of SQLite and its triggers, which migrations may have dropped."""
    if connection.vendor != "sqlite" or not _count("pragma_module_list", "fts5"):
        return
    if _count("sqlite_master", *TRIGGERS) == len(TRIGGERS):
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS reviews_casetitle")
        cursor.execute(TABLE)
        for name, what in TRIGGERS.items():
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
            cursor.execute(f"CREATE TRIGGER {name} {what}")
        cursor.execute("INSERT INTO reviews_casetitle (reviews_casetitle) VALUES ('rebuild')")
