"""Networks of addresses, as operators write them."""

from ipaddress import IPv4Network, IPv6Network

Network = IPv4Network | IPv6Network

LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
"""The machine itself, on which tunnels and bridges bring everybody under one address."""
