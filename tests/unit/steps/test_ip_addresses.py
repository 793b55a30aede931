"""Which addresses are public, however they are spelt."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.steps.base import StepFailure
from flows.steps.destinations import check_destination
from flows.steps.ip_addresses import is_public, read_literal


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.169.254",
        "172.16.0.1", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
        "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
        "::", "::1", "::127.0.0.1", "::7f00:1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b:1::808:808",
        "100::1", "2001::1", "2001:0:7f00:1::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::",
        "2002:808:808::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%1",
        "fec0::1", "ff02::1", "4000::1", "2606:4700::1%1",
    ],
)  # fmt: skip
def test_what_is_not_known_to_be_public_is_not(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize(
    "text",
    ["1.1.1.1", "8.8.8.8", "93.184.215.14", "::ffff:8.8.8.8", "64:ff9b::808:808",
     "2606:4700:4700::1111", "2a00:1450:4001::200e"],
)  # fmt: skip
def test_the_public_internet_is_public(text: str) -> None:
    assert is_public(ip_address(text))


@given(st.integers(0, 2**32 - 1))
def test_an_address_that_carries_another_is_no_way_around(number: int) -> None:
    carried = IPv4Address(number)
    for prefix in (0, 0xFFFF << 32, 0x64FF9B << 96, 0x64FF9B0001 << 80, 0x2002 << 112):
        wrapped = IPv6Address(prefix | number if prefix >> 112 != 0x2002 else prefix | number << 80)
        assert is_public(carried) or not is_public(wrapped)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1",
     "017700000001", "0X7F.0.0.1"],
)  # fmt: skip
def test_every_spelling_of_an_address_is_read(host: str) -> None:
    assert read_literal(host) == IPv4Address("127.0.0.1")


@pytest.mark.parametrize("host", ["example.com", "a.b.c.d", "1.2.3.4.5", "127.0.0.1x", "0xzz", ""])
def test_a_name_is_no_address(host: str) -> None:
    assert read_literal(host) is None


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "2130706433", "0x7f000001", "017700000001", "0", "10.1.2.3",
        "[::1]", "[::127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
        "localhost", "LOCALHOST.", "api.localhost", "127.0.0.1.", "\uff11\uff12\uff17.0.0.1",
        "127\u30020\u30020\u30021",
        "169.254.169.254", "[fe80::1%25eth0]",
    ],
)  # fmt: skip
@pytest.mark.parametrize("entries", [["*"], ["{host}"]])
def test_an_address_that_is_spelt_out_is_judged_before_anything_is_sent(
    settings: Any, host: str, entries: list[str]
) -> None:
    settings.OUTGOING_ALLOWLIST = [each.format(host=host) for each in entries]
    with pytest.raises(StepFailure) as caught:
        check_destination(f"http://{host}:8080/x")
    assert (caught.value.kind, caught.value.retryable) == ("refused", False)


def test_a_private_address_that_is_named_with_its_port_is_allowed(settings: Any) -> None:
    settings.OUTGOING_ALLOWLIST = ["10.0.0.5:8080", "[fd00::5]:443", "müller.example:443", "*"]
    assert check_destination("http://10.0.0.5:8080/") is True
    assert check_destination("https://[fd00::5]/") is True
    assert check_destination("https://MÜLLER.example/") is True
    assert check_destination("https://xn--mller-kva.example/") is True
    assert check_destination("https://example.com/") is False
