"""Which IP addresses lead to the public internet, and which to networks of the house.

Only what is known to be public counts as public: IPv4 that is globally reachable, and IPv6 of the
range that is handed out as such. An address that carries another one (IPv4-mapped, NAT64) is judged
by what it carries. Tunnels (6to4, Teredo) and obsolete forms (IPv4-compatible) are not public.
"""

import re
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

IPAddress = IPv4Address | IPv6Address

# 168.63.129.16 has a public number and is the host's own service in one large cloud.
_NOT_PUBLIC_4 = tuple(
    IPv4Network(each) for each in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")
)
_PUBLIC_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    IPv6Network(each) for each in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
# Networks without IPv4 reach public IPv4 addresses by it (RFC 6052).
_NAT64 = IPv6Network("64:ff9b::/96")
_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+)){0,3}", re.IGNORECASE)


def is_public(address: IPAddress) -> bool:
    """Return whether the address is one of the public internet."""
    if isinstance(address, IPv6Address):
        carried = _carried_address(address)
        return is_public(carried) if carried else _is_public_6(address)
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _NOT_PUBLIC_4)
    )


def read_literal(host: str) -> IPAddress | None:
    """Return the address that the host spells, None if it is a name.

    As connecting does, it reads 127.1, 2130706433, 0x7f000001 and 0177.0.0.1 as 127.0.0.1.
    """
    try:
        return ip_address(host)
    except ValueError:
        pass
    if not _NUMERIC.fullmatch(host):
        return None
    try:
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def _carried_address(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFF_FFFF) if address in _NAT64 else None


def _is_public_6(address: IPv6Address) -> bool:
    if address.scope_id or address not in _PUBLIC_6 or not address.is_global:
        return False
    return not any(address in network for network in _NOT_PUBLIC_6)
