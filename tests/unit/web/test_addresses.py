"""Whom a limit counts: never what a client merely claims."""

from __future__ import annotations

import pytest

from libs.web.addresses import client_address, counted_by

PEER = "10.0.0.9"


@pytest.mark.parametrize(
    ("forwarded", "hops", "expected"),
    [
        ([], 0, PEER),
        (["1.2.3.4"], 0, PEER),
        ([], 1, PEER),
        (["1.2.3.4"], 1, "1.2.3.4"),
        (["6.6.6.6, 1.2.3.4"], 1, "1.2.3.4"),
        (["6.6.6.6", "1.2.3.4"], 1, "1.2.3.4"),
        (["6.6.6.6, 1.2.3.4, 10.0.0.1"], 2, "1.2.3.4"),
        (["1.2.3.4"], 5, "1.2.3.4"),
        (["1.2.3.4:5678"], 1, "1.2.3.4"),
        (["[2001:db8::1]:443"], 1, "2001:db8::1"),
        (["2001:db8::1"], 1, "2001:db8::1"),
        (["unknown"], 1, PEER),
        (["1.2.3.4, <script>"], 1, PEER),
        ([","], 1, PEER),
    ],
)
def test_is_the_right_most_hop_that_is_not_ours(
    forwarded: list[str], hops: int, expected: str
) -> None:
    assert client_address(PEER, forwarded, hops) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::"),
        ("", "unknown"),
        ("nonsense", "unknown"),
    ],
)
def test_counts_an_ipv4_address_and_an_ipv6_network(address: str, expected: str) -> None:
    assert counted_by(address) == expected
