"""What became of an order, as its transaction's events tell it."""

from dataclasses import dataclass

from node.client.client import Included
from perpd_proto.dydxprotocol.clob import order_pb2

_WAITING = ("conditional_placed", "twap_placed")


@dataclass(frozen=True, slots=True)
class Fill:
    """One trade of the order: base quantums at subticks, against the order of that text."""

    quantums: int
    subticks: int
    maker_order: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderOutcome:
    """Fills of the placing transaction, and whether the rest is on the book (`rests`), `waits` for its trigger or its slices, or ended."""

    fills: tuple[Fill, ...]
    rests: bool
    reason: str
    """Why it ended without its owner's doing, in words; empty if it rests or is filled."""
    waits: bool = False

    @property
    def filled_quantums(self) -> int:
        return sum(fill.quantums for fill in self.fills)


def order_text(order_id: order_pb2.OrderId) -> str:
    """How events name an order: owner/subaccount number/client id/order flags/clob pair id."""
    owner = order_id.subaccount_id
    return f"{owner.owner}/{owner.number}/{order_id.client_id}/{order_id.order_flags}/{order_id.clob_pair_id}"


def order_outcome(order_id: order_pb2.OrderId, included: Included) -> OrderOutcome:
    """The outcome of the transaction that placed the order."""
    name = order_text(order_id)
    fills = []
    rests = waits = False
    reason = ""
    for event in included.response.events:
        values = {row.key: row.value for row in event.attributes}
        if event.type == "order_fill" and values["taker_order"] == name:
            fills.append(Fill(int(values["quantums"]), int(values["subticks"]), values["maker_order"]))
        elif event.type == "order_placed" and values["order"] == name:
            rests = True
        elif event.type in _WAITING and values["order"] == name:
            waits = True
        elif event.type == "order_removed" and values["order"] == name and values["reason"] != "REPLACED":
            reason = values["reason"].lower().replace("_", " ")
    return OrderOutcome(fills=tuple(fills), rests=rests, reason=reason, waits=waits)
