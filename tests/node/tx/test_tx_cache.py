"""The cache of transactions: pure work is skipped, and nothing else; it stays within its bounds."""

import pytest

from modules.kernel.errors import ChainError
from node.tx.cache import TxCache
from support.sequencing import ALICE, Desk, send

DESK = Desk()
TXS = [DESK.sign(ALICE, send(ALICE, ALICE), sequence=number) for number in range(1, 7)]


def test_a_transaction_is_decoded_once() -> None:
    """The second reading gives the same object, with the signature that was found valid."""
    cache = TxCache(DESK.decoder)
    assert cache.find(TXS[0]) is None
    tx = cache.read(TXS[0])
    assert cache.read(TXS[0]) is tx
    assert cache.find(bytes(bytearray(TXS[0]))) is tx
    cache.forget(tx.hash)
    assert cache.find(TXS[0]) is None
    assert len(cache) == 0


def test_failures_are_not_kept() -> None:
    """Garbage must not push out what is useful."""
    cache = TxCache(DESK.decoder)
    with pytest.raises(ChainError):
        cache.read(b"garbage")
    assert len(cache) == 0


def test_the_oldest_goes_when_the_count_is_reached() -> None:
    """First in, first out."""
    cache = TxCache(DESK.decoder, max_count=2)
    for raw in TXS[:3]:
        cache.read(raw)
    assert [cache.find(raw) is not None for raw in TXS[:3]] == [False, True, True]


def test_the_oldest_goes_when_the_bytes_are_reached() -> None:
    """Bytes are those of the encoded transactions; forgetting gives them back."""
    cache = TxCache(DESK.decoder, max_bytes=len(TXS[0]) + len(TXS[1]))
    first = cache.read(TXS[0])
    cache.read(TXS[1])
    cache.forget(first.hash)
    cache.read(TXS[2])
    assert [cache.find(raw) is not None for raw in TXS[:3]] == [False, True, True]
    cache.read(TXS[3])
    assert [cache.find(raw) is not None for raw in TXS[:4]] == [False, False, True, True]


def test_what_is_kept_too_long_is_dropped() -> None:
    """By blocks committed since it came."""
    cache = TxCache(DESK.decoder, max_age_blocks=2)
    cache.read(TXS[0])
    cache.committed()
    cache.read(TXS[1])
    cache.committed()
    assert len(cache) == 2
    cache.committed()
    assert [cache.find(raw) is not None for raw in TXS[:2]] == [False, True]
    cache.committed()
    assert len(cache) == 0
