"""No piece of a secret that is long enough to matter is left in what is kept."""

from hypothesis import given
from hypothesis import strategies as st

from workbench.secrets.masking import MASK, PIECE, mask

SECRET = "sk-live-4f9a77c1d2e83b06"
TEXTS = st.text(alphabet="abc-01", max_size=60)


def test_a_secret_is_masked_in_texts_and_keys_at_any_depth() -> None:
    given = {"a": [f"Bearer {SECRET}."], SECRET: 1, "n": 4, "none": None}
    assert mask(given, [SECRET]) == {"a": [f"Bearer {MASK}."], MASK: 1, "n": 4, "none": None}


def test_a_secret_is_masked_as_an_address_writes_it() -> None:
    assert mask("?key=a%2Fb%20c%3D%3D&x=1", ["a/b c=="]) == f"?key={MASK}&x=1"


def test_ordinary_words_that_share_a_few_signs_with_a_secret_stay() -> None:
    text = "live figures: 4f9 and sk-live"
    assert mask(text, [SECRET]) == text


@given(
    secret=st.text(alphabet="abc-01", min_size=PIECE, max_size=40),
    before=TEXTS,
    after=TEXTS,
    data=st.data(),
)
def test_no_piece_of_a_secret_is_left(
    secret: str, before: str, after: str, data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, len(secret) - PIECE))
    last = data.draw(st.integers(first + PIECE, len(secret)))
    masked = mask(before + secret[first:last] + after, [secret])
    pieces = {secret[at : at + PIECE] for at in range(len(secret) - PIECE + 1)}
    assert not any(piece in masked for piece in pieces)
