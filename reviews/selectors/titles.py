"""Find cases by the words of their titles, in a full-text index of their folded words.

PostgreSQL has a GIN index (migration 0013). SQLite has a table of its own kind (FTS5) that triggers
keep; they go when a migration rebuilds the table of cases, so they are looked after it. Neither
splits or folds words by itself: ``Case.title_words`` has them as ``split_words`` gives them.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction

from workbench.values.folding import split_words

# What has more cases than this is common: the next ones of a list soon have some.
MOST = 900
MOST_WORDS = 8

FIND = {
    "postgresql": (
        "SELECT id FROM reviews_case WHERE array_to_tsvector(string_to_array(title_words, ' ')) "
        "@@ %s::tsquery LIMIT %s"
    ),
    "sqlite": "SELECT rowid FROM reviews_casewords WHERE reviews_casewords MATCH %s LIMIT %s",
}
_FORGET = (
    "INSERT INTO reviews_casewords (reviews_casewords, rowid, title_words) "
    "VALUES ('delete', old.id, old.title_words)"
)
_NOTE = "INSERT INTO reviews_casewords (rowid, title_words) VALUES (new.id, new.title_words)"
TRIGGERS = {
    "reviews_case_words_new": f"AFTER INSERT ON reviews_case BEGIN {_NOTE}; END",
    "reviews_case_words_changed": (
        f"AFTER UPDATE OF title_words ON reviews_case BEGIN {_FORGET}; {_NOTE}; END"
    ),
    "reviews_case_words_gone": f"AFTER DELETE ON reviews_case BEGIN {_FORGET}; END",
}
# The tokenizer takes every character beyond ASCII for one of a word.
TABLE = """
CREATE VIRTUAL TABLE reviews_casewords USING fts5(
    title_words, content='reviews_case', content_rowid='id', prefix='2 3 4', tokenize='ascii'
)
"""


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
    return connection.vendor != "sqlite" or _count("sqlite_master", "reviews_casewords") == 1


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
        cursor.execute("DROP TABLE IF EXISTS reviews_casewords")
        cursor.execute(TABLE)
        for name, what in TRIGGERS.items():
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
            cursor.execute(f"CREATE TRIGGER {name} {what}")
        cursor.execute("INSERT INTO reviews_casewords (reviews_casewords) VALUES ('rebuild')")
