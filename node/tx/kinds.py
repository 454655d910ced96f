"""Closed lists: which messages a user may send, and which exist but are not for users.

What a user may send is what a module routes; everything else that is named here is refused from users, and what is not is unknown.
"""

from collections.abc import Mapping
from typing import Any

from perpd_proto.dydxprotocol.blocktime import tx_pb2 as blocktime
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob
from perpd_proto.dydxprotocol.feetiers import tx_pb2 as feetiers
from perpd_proto.dydxprotocol.listing import tx_pb2 as listing
from perpd_proto.dydxprotocol.perpetuals import tx_pb2 as perpetuals
from perpd_proto.dydxprotocol.prices import tx_pb2 as prices
from perpd_proto.dydxprotocol.sending import transfer_pb2 as sending
from perpd_proto.perpd.sequencer.v1 import sequencer_pb2 as sequencer

INJECTED: tuple[str, ...] = (
    sequencer.MsgPreamble.DESCRIPTOR.full_name,
    clob.MsgProposedOperations.DESCRIPTOR.full_name,
    perpetuals.MsgAddPremiumVotes.DESCRIPTOR.full_name,
    prices.MsgUpdateMarketPrices.DESCRIPTOR.full_name,
    "dydxprotocol.bridge.MsgAcknowledgeBridges",
)
"""What proposers put into blocks (ours the first, the reference's the others). Nobody signs them."""

_OF_THE_AUTHORITY: tuple[Any, ...] = (
    blocktime.MsgUpdateDowntimeParams,
    blocktime.MsgUpdateSynchronyParams,
    clob.MsgCreateClobPair,
    clob.MsgUpdateBlockRateLimitConfiguration,
    clob.MsgUpdateClobPair,
    clob.MsgUpdateEquityTierLimitConfiguration,
    clob.MsgUpdateLiquidationsConfig,
    feetiers.MsgSetMarketFeeDiscountParams,
    feetiers.MsgSetStakingTiers,
    feetiers.MsgUpdatePerpetualFeeParams,
    listing.MsgUpgradeIsolatedPerpetualToCross,
    perpetuals.MsgCreatePerpetual,
    perpetuals.MsgSetLiquidityTier,
    perpetuals.MsgUpdateParams,
    perpetuals.MsgUpdatePerpetualParams,
    prices.MsgCreateOracleMarket,
    prices.MsgUpdateMarketParam,
    sending.MsgSendFromAccountToAccount,
    sending.MsgSendFromModuleToAccount,
)

_WHY: Mapping[str, str] = {
    clob.MsgCreateClobPair.DESCRIPTOR.full_name: "markets come from genesis",
    perpetuals.MsgCreatePerpetual.DESCRIPTOR.full_name: "markets come from genesis",
    prices.MsgCreateOracleMarket.DESCRIPTOR.full_name: "markets come from genesis",
    listing.MsgUpgradeIsolatedPerpetualToCross.DESCRIPTOR.full_name: "nobody but its owners moves a pool's money",
    sending.MsgSendFromAccountToAccount.DESCRIPTOR.full_name: "nobody moves the money of others",
    sending.MsgSendFromModuleToAccount.DESCRIPTOR.full_name: "nobody moves the money of others",
}

INTERNAL: Mapping[str, Any] = {message.DESCRIPTOR.full_name: message for message in _OF_THE_AUTHORITY}
"""Signed by an `authority`, in the reference its governance. Those that no module routes as a change are refused from everybody."""


def refusal(name: str) -> str:
    """Why a message that exists may not be sent."""
    return f"{name} is not for users: {_WHY.get(name, 'this chain has nothing that it would change')}"
