"""The slow model's canonical order and wire form against figures from elsewhere: the vectors of design.md 3.4, dydx-clob.md 1.11."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from modules.kernel import address as addresses
from support.slow.order import CANCEL, MARGIN_ADD, OTHER, POST_ONLY, TAKER, Ticket, block_seed, canonical_order, digest, lane_of
from support.slow.wire import address_text, encode, order_hash
from support.slow.world import CONDITIONAL, LONG_TERM, SHORT_TERM, TWAP, Order

ROOT = Path(__file__).parents[3]
FILES = (ROOT / "tests" / "vectors" / "sequencer.json", ROOT.parent / "shared" / "spec" / "sequencer-vectors.json")
ALICE = (sha256(b"alice").digest()[:20], 0)


@pytest.fixture(params=FILES, ids=("own copy", "specification"))
def vectors(request: pytest.FixtureRequest) -> Any:
    """The vectors of one file, which may be absent."""
    path: Path = request.param
    if not path.exists():
        pytest.skip("the specification is not beside this checkout")
    return json.loads(path.read_text())


def _part(part: str | int) -> bytes | str | int:
    """A part of the vectors: bytes are written as hex with a remark behind."""
    if isinstance(part, str) and part.endswith(" bytes)"):
        return bytes.fromhex(part.split(" ")[0])
    return b"" if part == "(empty)" else part


def test_hashes_of_the_vectors(vectors: Any) -> None:
    """H of several parts."""
    assert vectors["hash"]
    for case in vectors["hash"]:
        assert digest(*map(_part, case["parts"])).hex() == case["sha256"]


def test_orders_of_the_vectors(vectors: Any) -> None:
    """Seed and canonical order of every case; some have something to sort."""
    lengths = []
    for case in vectors["cases"]:
        seed = block_seed(case["chain_id"], case["height"], bytes.fromhex(case["app_hash"]))
        assert seed.hex() == case["seed"]
        tickets = [Ticket(tx["lane"], bytes.fromhex(tx["account"]), tx["sequence"], bytes.fromhex(tx["tx_hash"])) for tx in case["txs"]]
        assert canonical_order(seed, tickets) == case["order"]
        lengths.append(len(tickets))
    assert max(lengths) > 10


def _order(flags: int, time_in_force: int) -> dict[str, Any]:
    return {"kind": "place", "order": Order(ALICE, 1, flags, 0, True, 1, 1, 1, time_in_force)}


def test_lanes_of_the_table() -> None:
    """design.md 3.3, line by line, and that a bundle takes the last lane of its messages."""
    bob = (sha256(b"bob").digest()[:20], 0)
    sideways = {"kind": "transfer", "sender": ALICE, "recipient": (ALICE[0], 1)}
    cancel = {"kind": "cancel"}
    assert [lane_of([message]) for message in (cancel, {"kind": "batch_cancel"})] == [CANCEL, CANCEL]
    assert [lane_of([message]) for message in ({"kind": "deposit"}, sideways)] == [MARGIN_ADD, MARGIN_ADD]
    assert [lane_of([_order(flags, 2)]) for flags in (SHORT_TERM, LONG_TERM)] == [POST_ONLY, POST_ONLY]
    assert [lane_of([_order(flags, 2)]) for flags in (CONDITIONAL, TWAP)] == [TAKER, TAKER]
    assert [lane_of([_order(SHORT_TERM, time_in_force)]) for time_in_force in (0, 1)] == [TAKER, TAKER]
    assert [lane_of([message]) for message in ({"kind": "withdraw"}, sideways | {"recipient": bob})] == [OTHER, OTHER]
    assert lane_of([cancel, _order(LONG_TERM, 2), cancel]) == POST_ONLY


def test_bytes_and_hash_of_the_worked_order() -> None:
    """dydx-clob.md 1.11: an order's encoding and its SHA-256."""
    text = "dydx199tqg4wdlnu4qjlxchpd7seg454937hjrknju4"
    owner = bytes(addresses.from_text(text))
    assert address_text(owner) == text
    order = Order((owner, 0), 7, SHORT_TERM, 0, True, 100_000_000, 5_000_000_000, 125)
    written = "0a340a2d0a2b" + text.encode().hex() + "1507000000" + "1001" + "1880c2d72f" + "2080e497d012" + "287d"
    assert encode(order).hex() == written
    assert order_hash(order).hex() == "cf969298520028db91c1f40c6804cff8d1d3afd04c7c00637eb929576a003e8d"
