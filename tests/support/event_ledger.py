"""Keeps everybody's collateral and positions from events alone, as somebody would who only reads blocks, to hold them against state."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from modules.kernel import address as addresses
from node.app import App
from perpd_proto.tendermint.abci import types_pb2 as abci

Account = tuple[str, int]
"""(owner, subaccount number)."""
Values = dict[str, str]
"""An event's attributes by key."""


def values_of(event: abci.Event) -> Values:
    """An event's attributes."""
    return {attribute.key: attribute.value for attribute in event.attributes}


class Held(NamedTuple):
    """One position: signed base quantums, what it cost (SUB-5) and what it has brought so far (SUB-10)."""

    quantums: int
    entry_quote: int
    realised_quote: int


class Side(NamedTuple):
    """What a `match` did to one of its two subaccounts."""

    account: Account
    quote_delta: int
    """Net of everything that was charged."""
    quantums_delta: int
    charged: int
    """Fee, builder's fee and insurance delta, in quote quantums."""


def sides_of(values: Values) -> tuple[Side, Side]:
    """Taker and maker of a `match`."""
    found = []
    for side in ("taker", "maker"):
        account = values[f"{side}_subaccount"], int(values[f"{side}_subaccount_number"])
        charged = int(values[f"{side}_order_fee_quote_quantums"]) + int(values[f"{side}_builder_fee_quantums"])
        if side == "taker":
            charged += int(values["insurance_fund_delta_quote_quantums"])
        quote_delta = int(values[f"{side}_quote_balance_delta_quote_quantums"])
        found.append(Side(account, quote_delta, int(values[f"{side}_perpetual_quantums_delta_base_quantums"]), charged))
    return found[0], found[1]


def _toward_zero(numerator: int, denominator: int) -> int:
    quotient = abs(numerator) // abs(denominator)
    return quotient if (numerator < 0) == (denominator < 0) else -quotient


class EventLedger:
    """Collateral by subaccount, positions by (subaccount, perpetual), and what fees and funds took in since genesis."""

    def __init__(self, subaccounts: Iterable[dict[str, Any]]) -> None:
        """`subaccounts` are the entries of `subaccounts.accounts` in genesis, without positions."""
        self.collateral: defaultdict[Account, int] = defaultdict(int)
        self.positions: dict[tuple[Account, int], Held] = {}
        self.leverage: dict[tuple[Account, int], int] = {}
        """Custom initial margins in ppm."""
        self.fees = 0
        self.funds = 0
        self.funding: defaultdict[int, int] = defaultdict(int)
        """By perpetual: quote quantums that settlements have paid so far, received ones counted against them."""
        self.told_realised: list[tuple[Account, int, int]] = []
        self.own_realised: list[tuple[Account, int, int]] = []
        """Positions that have ended and what they brought, as `position_closed` says and as the fills add up."""
        for entry in subaccounts:
            self.collateral[entry["owner"], entry["number"]] = int(entry["collateral"])

    def read(self, events: Iterable[abci.Event]) -> None:
        """Takes in the events of a block or of a transaction, in their order."""
        for event in events:
            self.take(event.type, values_of(event))

    def take(self, kind: str, values: Values) -> None:
        """Takes in one event."""
        if kind == "match":
            self._match(values)
        elif kind == "deposit_to_subaccount":
            self.collateral[values["recipient"], int(values["recipient_number"])] += int(values["quantums"])
        elif kind == "withdraw_from_subaccount":
            self.collateral[values["sender"], int(values["sender_number"])] -= int(values["quantums"])
        elif kind == "create_transfer":
            self.collateral[values["sender"], int(values["sender_number"])] -= int(values["quantums"])
            self.collateral[values["recipient"], int(values["recipient_number"])] += int(values["quantums"])
        elif kind == "settled_funding":
            self._settled(values)
        elif kind == "position_closed":
            self.told_realised.append((*_place(values), int(values["realised_quote_quantums"])))
        elif kind == "leverage_changed":
            self.leverage[_place(values)] = int(values["custom_imf_ppm"])

    def size(self, account: Account, perpetual_id: int) -> int:
        """Signed base quantums; 0 without a position."""
        held = self.positions.get((account, perpetual_id))
        return held.quantums if held else 0

    def holds(self, account: Account) -> list[int]:
        """The perpetuals in which the subaccount has a position."""
        return [perpetual_id for holder, perpetual_id in self.positions if holder == account]

    def _settled(self, values: Values) -> None:
        paid, place = int(values["funding_paid_quote_quantums"]), _place(values)
        self.collateral[place[0]] -= paid
        self.funding[place[1]] += paid
        held = self.positions.get(place)
        if held is not None:  # of readers who do not keep the order of events, it may be gone already
            self.positions[place] = held._replace(realised_quote=held.realised_quote - paid)

    def _match(self, values: Values) -> None:
        perpetual_id = int(values["perpetual_id"])
        for side in sides_of(values):
            self._fill(side, perpetual_id)
        self.fees += int(values["taker_order_fee_quote_quantums"]) + int(values["maker_order_fee_quote_quantums"])
        self.funds += int(values["insurance_fund_delta_quote_quantums"])

    def _fill(self, side: Side, perpetual_id: int) -> None:
        """SUB-5 and SUB-10, written down a second time."""
        account, quote_delta, delta, charged = side
        self.collateral[account] += quote_delta
        place = account, perpetual_id
        before, entry, realised = self.positions.get(place, Held(0, 0, 0))
        after, cost = before + delta, -(quote_delta + charged)
        if before == 0 or (before > 0) == (delta > 0):
            new_entry = entry + cost
        elif after == 0 or (after > 0) == (before > 0):
            new_entry = _toward_zero(entry * after, before)
        else:
            new_entry = _toward_zero(cost * after, delta)
        total = realised + quote_delta + new_entry - entry
        ended = before != 0 and (after == 0 or (after > 0) != (before > 0))
        if ended:
            self.own_realised.append((account, perpetual_id, total))
        if after:
            self.positions[place] = Held(after, new_entry, 0 if ended else total)
        else:
            del self.positions[place]

    def compare(self, app: App, ctx: Any) -> list[str]:
        """Sentences, one per difference between what the events told and what the application holds."""
        keeper = app.wiring.subaccounts.keeper
        held: dict[Account, int] = {}
        positions: dict[tuple[Account, int], Held] = {}
        for key, account in keeper.accounts(ctx):
            name = addresses.to_text(key.owner), key.number
            held[name] = account.collateral
            for perpetual_id, position in account.positions.items():
                positions[name, perpetual_id] = Held(position.quantums, position.entry_quote, position.realised_quote)
        broken = [
            f"{name[0]}/{name[1]} has collateral {held.get(name, 0)}, the events say {self.collateral[name]}"
            for name in {**held, **self.collateral}
            if held.get(name, 0) != self.collateral[name]
        ]
        broken.extend(
            f"{place} has a position of {positions.get(place)}, the events say {self.positions.get(place)}"
            for place in {**positions, **self.positions}
            if positions.get(place) != self.positions.get(place)
        )
        if self.told_realised != self.own_realised:
            broken.append(f"realised profit told {self.told_realised[-3:]}, by the fills {self.own_realised[-3:]}")
        chosen = {
            ((addresses.to_text(key.owner), key.number), perpetual_id): ppm
            for key, custom in app.wiring.subaccounts._state.leverage.items(ctx)
            for perpetual_id, ppm in custom.entries
        }
        if chosen != self.leverage:
            broken.append(f"custom leverage is {chosen}, the events say {self.leverage}")
        return broken


def _place(values: Values) -> tuple[Account, int]:
    return (values["subaccount"], int(values["subaccount_number"])), int(values["perpetual_id"])
