"""The encoding of an order as the text gives it (dydx-clob.md 1.2, 1.11), written by hand: its hash decides replacements."""

from functools import cache
from hashlib import sha256
from typing import Any

import bech32

from support.slow.world import SHORT_TERM, Order


@cache
def address_text(address: bytes) -> str:
    """Bech32 with the default prefix."""
    return str(bech32.bech32_encode("dydx", bech32.convertbits(address, 8, 5) or []))


def name_text(name: Any) -> str:
    """An order id as events write it: owner/number/client id/flags/pair."""
    pair, (owner, number), flags, client_id = name
    return f"{address_text(owner)}/{number}/{client_id}/{flags}/{pair}"


def _varint(value: int) -> bytes:
    out = b""
    while value >= 128:
        out += bytes([value % 128 + 128])
        value //= 128
    return out + bytes([value])


def _number(tag: int, value: int) -> bytes:
    return _varint(tag * 8) + _varint(value) if value else b""


def _fixed32(tag: int, value: int) -> bytes:
    return _varint(tag * 8 + 5) + value.to_bytes(4, "little") if value else b""


def _block(tag: int, raw: bytes) -> bytes:
    return _varint(tag * 8 + 2) + _varint(len(raw)) + raw


def encode(order: Order) -> bytes:
    """Fields in the order of their tags, defaults left out. The client metadata is always 0 here."""
    owner, number = order.account
    subaccount = _block(1, address_text(owner).encode()) + _number(2, number)
    name = _block(1, subaccount) + _fixed32(2, order.client_id) + _number(3, order.flags) + _number(4, order.pair)
    out = _block(1, name) + _number(2, 1 if order.buys else 2) + _number(3, order.quantums) + _number(4, order.subticks)
    out += _number(5, order.good_til) if order.flags == SHORT_TERM else _fixed32(6, order.good_til)
    out += _number(7, order.time_in_force) + _number(8, int(order.reduce_only))
    out += _number(10, order.condition) + _number(11, order.trigger)
    if order.twap is not None:
        duration, interval, tolerance = order.twap
        out += _block(12, _number(1, duration) + _number(2, interval) + _number(3, tolerance))
    if order.builder is not None:
        address, ppm = order.builder
        out += _block(13, _block(1, address_text(address).encode()) + _number(2, ppm))
    if order.router is not None:
        out += _block(14, address_text(order.router).encode())
    return out


def order_hash(order: Order) -> bytes:
    """SHA-256 of the encoding."""
    return sha256(encode(order)).digest()
