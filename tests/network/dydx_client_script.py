"""A trader who uses the unmodified dydx-v4-client. Runs in that client's own environment: its protobuf files collide with ours.

Reads one JSON object from standard input (where the node is, who trades, what the market is), trades, and prints one JSON object with
what the client saw. Every step that the client can check by itself is checked here; the test checks the chain.
"""

import asyncio
import json
import sys
import time

from dydx_v4_client import OrderFlags
from dydx_v4_client.indexer.rest.constants import OrderType
from dydx_v4_client.network import NodeConfig, insecure_channel
from dydx_v4_client.node.client import NodeClient
from dydx_v4_client.node.market import Market
from dydx_v4_client.wallet import Wallet
from v4_proto.dydxprotocol.clob.order_pb2 import Order
from v4_proto.dydxprotocol.clob.tx_pb2 import OrderBatch
from v4_proto.dydxprotocol.subaccounts.subaccount_pb2 import SubaccountId

SHORT_TERM_CLIENT_ID = 4_000_000_001
LONG_TERM_CLIENT_ID = 4_000_000_002
BATCH_CLIENT_IDS = (4_000_000_003, 4_000_000_004)
PATIENCE_SECONDS = 30


def accepted(answer: object) -> str:
    """The hash of a transaction that the node took."""
    response = answer.tx_response
    assert response.code == 0, f"{response.codespace}/{response.code}: {response.raw_log}"
    return response.txhash


async def included(node: NodeClient, tx_hash: str) -> None:
    """The client's own way of waiting for a transaction."""
    assert await node.query_transaction(tx_hash) is not None, f"{tx_hash} was not found"


async def reached(node: NodeClient, height: int) -> None:
    """The chain has passed a height."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while await node.latest_block_height() <= height:
        assert time.monotonic() < deadline, f"height {height} was not reached"
        await asyncio.sleep(0.1)


async def trade(task: dict) -> dict:
    """Deposit, place and cancel, short-term and long-term, read back."""
    channel = insecure_channel(task["grpc"])
    node = await NodeClient.connect(NodeConfig(task["chain_id"], "adydx", task["denom"], channel))
    wallet = await Wallet.from_mnemonic(node, task["mnemonic"], task["address"])
    assert wallet.address == task["address"]
    owner = SubaccountId(owner=wallet.address, number=task["number"])
    market = Market(task["market"])
    seen: dict = {}

    seen["balance_before"] = (await node.get_account_balance(wallet.address, task["denom"])).balance.amount
    deposit = accepted(await node.deposit(wallet, wallet.address, owner, 0, task["deposit"]))
    await included(node, deposit)
    seen["deposit"] = deposit

    # Orders wait for an explicit stage of the test in between, so that it can look at the book.
    height = await node.latest_block_height()
    short_id = market.order_id(wallet.address, task["number"], SHORT_TERM_CLIENT_ID, OrderFlags.SHORT_TERM)
    short_order = market.order(
        short_id,
        OrderType.LIMIT,
        Order.Side.SIDE_BUY,
        size=task["size"],
        price=task["price"],
        time_in_force=Order.TimeInForce.TIME_IN_FORCE_UNSPECIFIED,
        reduce_only=False,
        good_til_block=height + 40,
    )
    seen["short_order"] = accepted(await node.place_order(wallet, short_order))
    long_id = market.order_id(wallet.address, task["number"], LONG_TERM_CLIENT_ID, OrderFlags.LONG_TERM)
    until = int(time.time()) + 600
    long_order = market.order(
        long_id,
        OrderType.LIMIT,
        Order.Side.SIDE_BUY,
        size=task["size"],
        price=task["price"],
        time_in_force=Order.TimeInForce.TIME_IN_FORCE_UNSPECIFIED,
        reduce_only=False,
        good_til_block_time=until,
    )
    seen["long_order"] = accepted(await node.place_order(wallet, long_order))
    await included(node, seen["long_order"])
    await included(node, seen["short_order"])
    seen["placed_height"] = await node.latest_block_height()

    # They are read by the test at this height; now both are cancelled.
    height = await node.latest_block_height()
    seen["short_cancel"] = accepted(await node.cancel_order(wallet, short_id, good_til_block=height + 40))
    seen["long_cancel"] = accepted(await node.cancel_order(wallet, long_id, good_til_block_time=until))
    await included(node, seen["long_cancel"])
    await included(node, seen["short_cancel"])
    seen["cancelled_height"] = await node.latest_block_height()

    batch = OrderBatch(clob_pair_id=int(task["market"]["clobPairId"]), client_ids=list(BATCH_CLIENT_IDS))
    height = await node.latest_block_height()
    seen["batch_cancel"] = accepted(await node.batch_cancel_orders(wallet, owner, [batch], height + 20))
    await included(node, seen["batch_cancel"])

    withdrawal = accepted(await node.withdraw(wallet, owner, wallet.address, 0, task["withdraw"]))
    await included(node, withdrawal)
    seen["withdrawal"] = withdrawal
    await reached(node, await node.latest_block_height())

    subaccount = await node.get_subaccount(wallet.address, task["number"])
    seen["subaccount"] = {
        "owner": subaccount.id.owner,
        "number": subaccount.id.number,
        "assets": [[row.asset_id, row.quantums.hex()] for row in subaccount.asset_positions],
        "perpetuals": len(subaccount.perpetual_positions),
    }
    seen["balance_after"] = (await node.get_account_balance(wallet.address, task["denom"])).balance.amount
    return seen


async def read(task: dict) -> dict:
    """Every query of the client that this chain answers, by name; a failure names itself."""
    node = await NodeClient.connect(NodeConfig(task["chain_id"], "adydx", task["denom"], insecure_channel(task["grpc"])))
    address = task["address"]
    calls = {
        "get_account": (address,),
        "get_account_balances": (address,),
        "latest_block": (),
        "get_node_info": (),
        "get_all_validators": (),
        "get_subaccounts": (),
        "get_clob_pair": (0,),
        "get_clob_pairs": (),
        "get_price": (0,),
        "get_prices": (),
        "get_perpetual": (0,),
        "get_perpetuals": (),
        "get_equity_tier_limit_config": (),
        "get_delegator_delegations": (address,),
        "get_delegator_unbonding_delegations": (address,),
        "get_delegation_total_rewards": (address,),
        "get_withdrawal_and_transfer_gating_status": (0,),
        "get_withdrawal_capacity_by_denom": (task["denom"],),
        "get_affiliate_info": (address,),
        "get_referred_by": (address,),
        "get_all_affiliate_tiers": (),
        "get_affiliate_whitelist": (),
        "get_fee_tiers": (),
        "get_user_fee_tier": (address,),
        "get_user_stats": (address,),
        "get_rewards_params": (),
        "get_authenticators": (address,),
        "get_all_gov_proposals": (),
    }
    answers = {}
    for name, arguments in calls.items():
        try:
            answers[name] = type(await getattr(node, name)(*arguments)).__name__
        except Exception as error:  # noqa: BLE001 - the test shows what any of them met
            answers[name] = f"failed: {error}"
    return answers


def main() -> None:
    """One task in, one answer out."""
    task = json.load(sys.stdin)
    answer = {"trade": asyncio.run(trade(task)), "read": asyncio.run(read(task))}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
