"""Subaccounts: collateral and positions, what they are worth, and how a change to them is asked for and judged."""

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

from modules.kernel import address as addresses
from modules.kernel.codec import decode_signed, encode_signed, read_uvarint, uvarint
from modules.kernel.units import MAX_SUBACCOUNT_NUMBER, Address, SubaccountId
from modules.subaccounts.errors import BAD_OWNER, NUMBER_TOO_BIG
from perpd_proto.dydxprotocol.subaccounts import subaccount_pb2

CROSS_POOL = "subaccounts"
"""Module account with the collateral of all subaccounts but those in isolated perpetuals."""
INSURANCE_FUND = "insurance_fund"
"""Module account that covers losses in all perpetuals but isolated ones."""
CROSS_KEY = 0
"""The cross pool's key among the pool totals; an isolated perpetual's pool has its id + 1."""


def pool_name(perpetual_id: int, isolated: bool) -> str:
    """Name of the collateral pool (a module account) of subaccounts with a position in this perpetual."""
    return f"{CROSS_POOL}:{perpetual_id}" if isolated else CROSS_POOL


def fund_name(perpetual_id: int, isolated: bool) -> str:
    """Name of the insurance fund (a module account) that stands behind this perpetual."""
    return f"{INSURANCE_FUND}:{perpetual_id}" if isolated else INSURANCE_FUND


def subaccount_id(message: subaccount_pb2.SubaccountId) -> SubaccountId:
    """The id that a message names. Raises subaccounts/201 (owner) and 200 (number)."""
    if not addresses.is_valid(message.owner):
        raise BAD_OWNER(f"{message.owner[:90]!r}")
    if message.number > MAX_SUBACCOUNT_NUMBER:
        raise NUMBER_TOO_BIG(f"{message.number}")
    return SubaccountId(addresses.from_text(message.owner), message.number)


def subaccount_id_message(subaccount: SubaccountId) -> subaccount_pb2.SubaccountId:
    """The id on the wire."""
    return subaccount_pb2.SubaccountId(owner=addresses.to_text(subaccount.owner), number=subaccount.number)


class Position(NamedTuple):
    """One perpetual position, never of size zero."""

    quantums: int
    """Base quantums; negative: short. A multiple of the perpetual's funding lot."""
    funding_index: int
    """The perpetual's index (quote quantums per lot) when this position was last settled."""
    entry_quote: int
    """Quote quantums that entering cost, signed as the position. For profit, never for margin."""
    realised_quote: int = 0
    """Quote quantums that the position has brought since it was opened: parts closed and funding, less what its trades were charged
    (SUB-10). For profit, never for margin.
    """


Row = tuple[int, int, int, int, int]
"""A position as it is stored: perpetual id, quantums, funding index, entry quote, realised quote."""


class Subaccount(NamedTuple):
    """Collateral and positions of one trading account."""

    collateral: int
    """Quote quantums; may be negative: the cost of positions is booked here."""
    rows: tuple[Row, ...]
    """Ascending by perpetual id. Plain tuples: the scan of all accounts is more than twice as fast over them as over named ones."""

    @property
    def positions(self) -> dict[int, Position]:
        """By perpetual id, ascending."""
        return {perpetual_id: Position(*fields) for perpetual_id, *fields in self.rows}

    def position(self, perpetual_id: int) -> Position | None:
        """The position in one perpetual."""
        for row in self.rows:
            if row[0] == perpetual_id:
                return Position(*row[1:])
        return None


def subaccount(collateral: int, positions: Mapping[int, Position]) -> Subaccount:
    """A subaccount with these positions."""
    return Subaccount(collateral, tuple((perpetual_id, *position) for perpetual_id, position in sorted(positions.items())))


class CustomMargin(NamedTuple):
    """A subaccount's own least initial margin in one perpetual."""

    perpetual_id: int
    custom_imf_ppm: int
    """Of the notional, 1 to 10^6. It can only raise the initial requirement, never maintenance."""


class Leverage(NamedTuple):
    """What a subaccount has chosen."""

    entries: tuple[CustomMargin, ...]
    """Ascending by perpetual id, never empty."""


EMPTY = Subaccount(0, ())
"""What a subaccount that does not exist reads as."""


class Risk(NamedTuple):
    """What a subaccount is worth and requires, in quote quantums."""

    net_collateral: int
    initial: int
    maintenance: int


class UpdateResult(IntEnum):
    """How a change to one subaccount was judged."""

    SUCCESS = 0
    NEWLY_UNDERCOLLATERALIZED = 1
    STILL_UNDERCOLLATERALIZED = 2
    WITHDRAWALS_AND_TRANSFERS_BLOCKED = 3
    UPDATE_CAUSED_ERROR = 4
    VIOLATES_ISOLATED_SUBACCOUNT_CONSTRAINTS = 5
    PRICE_NOT_FRESH = 100
    """Ours: the market's price does not allow new risk, and this is no reduction (SUB-21)."""

    @property
    def text(self) -> str:
        """The reference's name of the result, as clients meet it in the text of error 102."""
        return self.name.title().replace("_", "")


class Fill(NamedTuple):
    """One trade between two subaccounts. All amounts in quanta; fees and the insurance delta are positive when the subaccount pays."""

    perpetual_id: int
    taker: SubaccountId
    maker: SubaccountId
    taker_buys: bool
    quantums: int
    """Base quantums, positive."""
    quote: int
    """Quote quantums, not negative."""
    taker_fee: int
    maker_fee: int
    """Negative: a rebate; never more than the taker's fee."""
    insurance_delta: int = 0
    """Quote quantums from the taker to the insurance fund; negative: from the fund."""
    taker_builder_fee: int = 0
    """Charged to the taker on top of its fee; not negative."""
    maker_builder_fee: int = 0
    """Charged to the maker on top of its fee; not negative."""
    payouts: tuple[tuple[Address, int], ...] = ()
    """Bank accounts that get a part, each positive, of all fees together, builders' included; the fee collector gets what is left."""


class MarketTotals(NamedTuple):
    """Sums over all positions in one perpetual, kept with every change."""

    long_quantums: int
    short_quantums: int
    """Magnitude."""
    lots_index: int
    """Sum of lots x funding index at last settlement; what is unsettled in the market follows from it."""


NO_TOTALS = MarketTotals(0, 0, 0)


class GatingParams(NamedTuple):
    """When money may not leave (SUB-20)."""

    outage_seconds: int
    """A gap between two blocks of at least so long is an outage."""
    blocks: int
    """For so many blocks, the one that saw what gates included; 0: nothing is ever gated."""


class Pool(NamedTuple):
    """A collateral pool's books."""

    key: int
    """0 is the cross pool, an isolated perpetual's is its id + 1."""
    name: str
    address: Address
    bank_balance: int
    collateral: int
    unsettled_funding: int


class Backing(NamedTuple):
    """What stands behind a perpetual, and the size of its funding lot. Fixed by genesis."""

    isolated: bool
    lot: int
    """Base quantums per funding lot."""
    pool_key: int
    pool: Address
    fund: Address


def backing(perpetual_id: int, isolated: bool, lot: int) -> Backing:
    """What stands behind a perpetual, derived once per block."""
    return Backing(
        isolated,
        lot,
        perpetual_id + 1 if isolated else CROSS_KEY,
        addresses.of_module(pool_name(perpetual_id, isolated)),
        addresses.of_module(fund_name(perpetual_id, isolated)),
    )


class _SubaccountCodec:
    """Field 1 collateral; field 2 per position: 1 perpetual, 2 quantums, 3 funding index, 4 entry quote, 5 realised quote."""

    def encode(self, value: Subaccount) -> bytes:
        parts: list[bytes] = []
        if value.collateral:
            body = encode_signed(value.collateral)
            parts += (b"\x0a", uvarint(len(body)), body)
        for perpetual_id, quantums, funding_index, entry_quote, realised_quote in value.rows:
            size = encode_signed(quantums)
            row = (b"\x08" + uvarint(perpetual_id) if perpetual_id else b"") + b"\x12" + uvarint(len(size)) + size
            if funding_index:
                body = encode_signed(funding_index)
                row += b"\x1a" + uvarint(len(body)) + body
            if entry_quote:
                body = encode_signed(entry_quote)
                row += b"\x22" + uvarint(len(body)) + body
            if realised_quote:
                body = encode_signed(realised_quote)
                row += b"\x2a" + uvarint(len(body)) + body
            parts += (b"\x12", uvarint(len(row)), row)
        assert parts, "an empty subaccount is deleted, never stored"
        return b"".join(parts)

    def decode(self, data: bytes) -> Subaccount:
        collateral = 0
        rows: list[Row] = []
        for tag, body in _fields(data):
            if tag == 1:
                collateral = decode_signed(body)
                continue
            row = dict(_fields(body))
            quantums, funding_index, entry_quote, realised_quote = (decode_signed(row.get(number, b"")) for number in (2, 3, 4, 5))
            rows.append((int.from_bytes(row.get(1, b""), "big"), quantums, funding_index, entry_quote, realised_quote))
        return Subaccount(collateral, tuple(rows))


def _fields(data: bytes) -> list[tuple[int, bytes]]:
    """(number, body) of each field; a varint's body is its big-endian bytes."""
    found, position = [], 0
    while position < len(data):
        tag = data[position]
        number, position = read_uvarint(data, position + 1)
        if tag & 7 == 0:
            found.append((tag >> 3, number.to_bytes(8, "big")))
        else:
            found.append((tag >> 3, data[position : position + number]))
            position += number
    return found


SUBACCOUNT = _SubaccountCodec()
