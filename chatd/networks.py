"""Networks of addresses, as operators write them."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address

Network = IPv4Network | IPv6Network

LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
"""The machine itself, on which tunnels and bridges bring everybody under one address."""


def holds(networks: Iterable[Network], host: str) -> bool:
    """Say whether an address is in one of the networks."""
    ip = ip_address(host)
    return any(ip in network for network in networks)
