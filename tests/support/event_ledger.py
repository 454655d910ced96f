"""Keeps everybody's collateral and positions from events alone, as somebody would who only reads blocks, to hold them against state."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from modules.kernel import address as addresses
from node.app import App
from perpd_proto.tendermint.abci import types_pb2 as abci

Account = tuple[str, int]
"""(owner, subaccount number)."""


class EventLedger:
    """Collateral by subaccount, base quantums by (subaccount, perpetual), and what fees and funds took in since genesis."""

    def __init__(self, subaccounts: Iterable[dict[str, Any]]) -> None:
        """`subaccounts` are the entries of `subaccounts.accounts` in genesis, without positions."""
        self.collateral: defaultdict[Account, int] = defaultdict(int)
        self.positions: defaultdict[tuple[Account, int], int] = defaultdict(int)
        self.fees = 0
        self.funds = 0
        self.funding: defaultdict[int, int] = defaultdict(int)
        """By perpetual: quote quantums that settlements have paid so far, received ones counted against them."""
        for entry in subaccounts:
            self.collateral[entry["owner"], entry["number"]] = int(entry["collateral"])

    def read(self, events: Iterable[abci.Event]) -> None:
        """Takes in the events of a block or of a transaction, in their order."""
        for event in events:
            values = {attribute.key: attribute.value for attribute in event.attributes}
            if event.type == "match":
                self._match(values)
            elif event.type == "deposit_to_subaccount":
                self.collateral[values["recipient"], int(values["recipient_number"])] += int(values["quantums"])
            elif event.type == "withdraw_from_subaccount":
                self.collateral[values["sender"], int(values["sender_number"])] -= int(values["quantums"])
            elif event.type == "create_transfer":
                self.collateral[values["sender"], int(values["sender_number"])] -= int(values["quantums"])
                self.collateral[values["recipient"], int(values["recipient_number"])] += int(values["quantums"])
            elif event.type == "settled_funding":
                paid = int(values["funding_paid_quote_quantums"])
                self.collateral[values["subaccount"], int(values["subaccount_number"])] -= paid
                self.funding[int(values["perpetual_id"])] += paid

    def _match(self, values: dict[str, str]) -> None:
        perpetual_id = int(values["perpetual_id"])
        for side in ("taker", "maker"):
            account = values[f"{side}_subaccount"], int(values[f"{side}_subaccount_number"])
            self.collateral[account] += int(values[f"{side}_quote_balance_delta_quote_quantums"])
            self.positions[account, perpetual_id] += int(values[f"{side}_perpetual_quantums_delta_base_quantums"])
            self.fees += int(values[f"{side}_order_fee_quote_quantums"])
        self.funds += int(values["insurance_fund_delta_quote_quantums"])

    def compare(self, app: App, ctx: Any) -> list[str]:
        """Sentences, one per difference between what the events told and what the application holds."""
        held: dict[Account, int] = {}
        sizes: dict[tuple[Account, int], int] = {}
        for key, account in app.wiring.subaccounts.keeper.accounts(ctx):
            name = addresses.to_text(key.owner), key.number
            held[name] = account.collateral
            for perpetual_id, position in account.positions.items():
                sizes[name, perpetual_id] = position.quantums
        broken = [
            f"{name[0]}/{name[1]} has collateral {held.get(name, 0)}, the events say {self.collateral[name]}"
            for name in {**held, **self.collateral}
            if held.get(name, 0) != self.collateral[name]
        ]
        broken.extend(
            f"{place} has a position of {sizes.get(place, 0)}, the events say {self.positions[place]}"
            for place in {**sizes, **self.positions}
            if sizes.get(place, 0) != self.positions[place]
        )
        return broken
