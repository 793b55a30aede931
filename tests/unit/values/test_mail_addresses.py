"""One mail address is one mail address, at every door."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.values.mail_addresses import read_header, read_mail_address
from workbench.values.refusals import ValueRefused


@pytest.mark.parametrize(
    "text",
    ["ada@example.com", " ada@example.com ", "a.b+c@mail.example.co.uk", "o'neil@example.com",
     "root@localhost", "ada@müller.example"],
)  # fmt: skip
def test_an_address_alone_is_read(text: str) -> None:
    assert read_mail_address(text) == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "", "ada", "@example.com", "ada@", "a@b@c.example",
        "ada@example.com,eve@evil.example", "ada@example.com, eve@evil.example",
        "ada@example.com;eve@evil.example", "ada@example.com eve@evil.example",
        "ada@example.com\neve@evil.example", "ada@example.com\r\nBcc: eve@evil.example",
        "ada@example.com\n", "\nada@example.com", "ada@example.com\x00", "ada@example.com\x0b",
        "ada@example.com\u2028", "ada\u200b@example.com", "ada\u202e@example.com",
        "Ada <ada@example.com>", "<ada@example.com>", '"ada@example.com" <eve@evil.example>',
        "ada@example.com <eve@evil.example>", "eve@evil.example(ada@example.com)",
        '"ada,eve"@example.com', '"ada eve"@example.com', "ada\\@example.com",
        "group:ada@example.com,eve@evil.example;", "@relay.example:ada@example.com",
        "ada@[127.0.0.1]", "ada@example..com", "mailto:ada@example.com",
        "ada@" + "x" * 50 + ("." + "x" * 50) * 4 + ".example",
    ],
)  # fmt: skip
def test_several_addresses_names_and_other_headers_are_refused(text: str) -> None:
    with pytest.raises(ValueRefused, match="one address alone"):
        read_mail_address(text)


@given(st.text(max_size=60))
def test_no_text_becomes_two_addresses_or_lines(text: str) -> None:
    try:
        address = read_mail_address(text)
    except ValueRefused:
        return
    assert address.count("@") == 1
    assert not set(address) & set(",;<>\r\n \t\"'():[]\\") - {"'"}


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x85", "\u2028", "\x00"])
def test_a_header_is_one_line(end: str) -> None:
    with pytest.raises(ValueRefused, match="line break"):
        read_header(f"Hello{end}Bcc: eve@evil.example")
