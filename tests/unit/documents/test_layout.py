"""Lines come in the order in which people read them."""

from flows.documents.layout import Found, read_lines

LEFT = [
    "The first column has sentences",
    "that go on over its four",
    "lines, and it is to be",
    "read whole before the next",
]
RIGHT = [
    "Here begins the second column",
    "which has sentences of its own",
    "and ends at the bottom of",
    "the page, as columns do here",
]


def put(text: str, left: float, top: float, size: float = 10) -> list[Found]:
    words = []
    for word in text.split():
        right = left + len(word) * size * 0.5
        words.append(Found(word, left, top, right, top + size, 1.0))
        left = right + size * 0.3
    return words


def texts(words: list[Found]) -> list[str]:
    return [" ".join(word.text for word in line) for line in read_lines(words)]


def test_words_at_one_height_are_a_line_whatever_their_order() -> None:
    words = [*put("Net pay", 20, 100), *put("2,345.67", 300, 101), *put("Gross", 20, 80)]
    assert texts(list(reversed(words))) == ["Gross", "Net pay 2,345.67"]


def test_columns_of_sentences_are_read_one_after_the_other() -> None:
    title = put("A title that goes over the whole page and both columns of it", 20, 20)
    body = [
        word
        for at, (left, right) in enumerate(zip(LEFT, RIGHT, strict=True))
        for word in [*put(left, 20, 50 + at * 14), *put(right, 320, 50 + at * 14)]
    ]
    assert texts([*title, *body]) == [
        "A title that goes over the whole page and both columns of it", *LEFT, *RIGHT
    ]  # fmt: skip


def test_the_columns_need_not_be_level_with_each_other() -> None:
    body = [
        word
        for at, (left, right) in enumerate(zip(LEFT, RIGHT, strict=True))
        for word in [*put(left, 20, 50 + at * 14), *put(right, 320, 54 + at * 14)]
    ]
    assert texts(body) == [*LEFT, *RIGHT]


def test_cells_of_a_table_stay_in_their_row() -> None:
    rows = [("Chair made of wood", "2", "10.00"), ("Lamp", "1", "5.50")] * 3
    words = [
        word
        for at, cells in enumerate(rows)
        for column, cell in enumerate(cells)
        for word in put(cell, 20 + column * 200, 50 + at * 14)
    ]
    assert texts(words) == [" ".join(row) for row in rows]


def test_a_page_without_words_has_no_lines() -> None:
    assert read_lines([]) == []
