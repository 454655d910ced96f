"""Closed lists: which messages a user may send, and which exist but are not for users.

What a user may send is what a module routes; everything named here is refused from users, and everything else is unknown.
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

INTERNAL: Mapping[str, Any] = {message.DESCRIPTOR.full_name: message for message in _OF_THE_AUTHORITY}
"""Signed by an `authority` that only the reference's governance has. A module that routes one takes it off this list."""
