"""Two traders who use the unmodified dydx-v4-client. Runs in that client's own environment: its protobuf files collide with ours.

Lines of JSON: the task comes in (where the node is, who trades, what the market is), questions to the test go out (set a price, look at
the chain) and are answered, and at last goes out what the client saw. Every step that the client can check by itself is checked here;
the test checks the chain.

Its v4-proto 8.2 is older than TWAP orders and has builder codes under another number, so these two travel as fields that it does not
know, which every protobuf keeps; it has no message for leverage at all.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable

from dydx_v4_client import OrderFlags
from dydx_v4_client.indexer.rest.constants import OrderExecution, OrderType
from dydx_v4_client.network import NodeConfig, insecure_channel
from dydx_v4_client.node.client import NodeClient
from dydx_v4_client.node.market import Market
from dydx_v4_client.wallet import Wallet
from v4_proto.dydxprotocol.clob.order_pb2 import Order
from v4_proto.dydxprotocol.clob.tx_pb2 import OrderBatch
from v4_proto.dydxprotocol.subaccounts.subaccount_pb2 import SubaccountId

BUY, SELL = Order.Side.SIDE_BUY, Order.Side.SIDE_SELL
REST, IOC = Order.TimeInForce.TIME_IN_FORCE_UNSPECIFIED, Order.TimeInForce.TIME_IN_FORCE_IOC
STOP_LOSS, TAKE_PROFIT = Order.ConditionType.CONDITION_TYPE_STOP_LOSS, Order.ConditionType.CONDITION_TYPE_TAKE_PROFIT
TWAP = 128
FIRST_CLIENT_ID = 4_000_000_001
PATIENCE_SECONDS = 60
SHORT_BLOCKS = 35
"""How long short-term orders live; the chain takes up to 40."""
LONG_SECONDS = 600


class Conversation:
    """What the script and the test say to each other. What the client prints goes to standard error."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)

    def receive(self) -> dict:
        return json.loads(sys.stdin.readline())

    def say(self, said: dict) -> None:
        self._out.write(json.dumps(said) + "\n")
        self._out.flush()

    def ask(self, **question: object) -> dict:
        self.say(question)
        return self.receive()


def accepted(answer: object) -> str:
    """The hash of a transaction that the node took."""
    response = answer.tx_response
    assert response.code == 0, f"{response.codespace}/{response.code}: {response.raw_log}"
    return response.txhash


def refused(answer: object) -> str:
    """Codespace and code of a transaction that the node did not take."""
    response = answer.tx_response
    assert response.code, "the node took it"
    return f"{response.codespace}/{response.code}"


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Waits for the condition; fails naming it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not await condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        await asyncio.sleep(0.05)


async def reached(node: NodeClient, height: int) -> None:
    """The chain has passed a height."""

    async def passed() -> bool:
        return await node.latest_block_height() > height

    await until(passed, f"height {height}")


async def included(node: NodeClient, *tx_hashes: str) -> None:
    """The client's own way of waiting for transactions. It looks every two seconds, so let there be a block or two before it looks."""
    await reached(node, await node.latest_block_height() + 1)
    for tx_hash in tx_hashes:
        assert await node.query_transaction(tx_hash) is not None, f"{tx_hash} was not found"


def field(number: int, payload: bytes) -> bytes:
    """A message field of the wire format, shorter than 128 bytes."""
    assert number < 16
    assert len(payload) < 128
    return bytes([number << 3 | 2, len(payload)]) + payload


def varints(*values: int) -> bytes:
    """A message whose fields 1, 2 and so on are these numbers."""
    encoded = b""
    for number, value in enumerate(values, 1):
        encoded += bytes([number << 3])
        while value >= 128:
            encoded += bytes([value & 127 | 128])
            value >>= 7  # noqa: PLW2901
        encoded += bytes([value])
    return encoded


def extended(order: Order, number: int, payload: bytes) -> Order:
    """The order with one more field, which this protobuf need not know."""
    return Order.FromString(order.SerializeToString() + field(number, payload))


class Trader:
    """One wallet with one subaccount in one market."""

    orders: dict[str, dict] = {}  # noqa: RUF012  (everybody's, by name)

    def __init__(self, node: NodeClient, wallet: Wallet, market: Market, number: int) -> None:
        self.node = node
        self.wallet = wallet
        self.market = market
        self.subaccount = SubaccountId(owner=wallet.address, number=number)

    def build(self, name: str, side: int, size: float, price: int, good_til: int, flags: int, **options: object) -> Order:
        """An order as the client's helper makes it; the same name is the same id."""
        row = self.orders.setdefault(name, {"client_id": FIRST_CLIENT_ID + len(self.orders), "txs": []})
        row |= {"owner": self.wallet.address, "flags": int(flags), "good_til": good_til}
        order_id = self.market.order_id(self.wallet.address, self.subaccount.number, row["client_id"], flags)
        chosen = {"order_type": OrderType.LIMIT, "time_in_force": REST, "reduce_only": False} | options
        chosen["good_til_block" if flags == OrderFlags.SHORT_TERM else "good_til_block_time"] = good_til
        return self.market.order(order_id, side=side, size=size, price=price, **chosen)

    async def send(self, name: str, order: Order) -> None:
        """The order is in a block."""
        tx_hash = accepted(await self.node.place_order(self.wallet, order))
        self.orders[name]["txs"].append(tx_hash)
        await included(self.node, tx_hash)

    async def short(self, name: str, side: int, size: float, price: int, *, blocks: int = SHORT_BLOCKS, **options: object) -> None:
        """A short-term order is in a block."""
        good_til = await self.node.latest_block_height() + blocks
        await self.send(name, self.build(name, side, size, price, good_til, OrderFlags.SHORT_TERM, **options))

    async def long(self, name: str, side: int, size: float, price: int, **options: object) -> None:
        """A long-term order is in a block."""
        good_til = int(time.time()) + LONG_SECONDS
        await self.send(name, self.build(name, side, size, price, good_til, OrderFlags.LONG_TERM, **options))

    async def conditional(self, name: str, side: int, size: float, price: int, trigger: int, **options: object) -> None:
        """A conditional order waits."""
        await self.send(name, self.condition(name, side, size, price, trigger, **options))

    def condition(self, name: str, side: int, size: float, price: int, trigger: int, **options: object) -> Order:
        """A conditional order; its condition is among the options, for the helper chooses none."""
        subticks = self.market.calculate_subticks(trigger)
        until_seconds = int(time.time()) + LONG_SECONDS
        return self.build(
            name, side, size, price, until_seconds, OrderFlags.CONDITIONAL, conditional_order_trigger_subticks=subticks, **options
        )

    async def cancel(self, name: str) -> None:
        """The order's cancel is in a block."""
        row = self.orders[name]
        order_id = self.market.order_id(self.wallet.address, self.subaccount.number, row["client_id"], row["flags"])
        key = "good_til_block" if row["flags"] == OrderFlags.SHORT_TERM else "good_til_block_time"
        row["cancel"] = accepted(await self.node.cancel_order(self.wallet, order_id, **{key: row["good_til"]}))
        await included(self.node, row["cancel"])

    async def position(self) -> int:
        """Base quantums in the only market that this trader has positions in."""
        found = await self.node.get_subaccount(self.wallet.address, self.subaccount.number)
        return sum(serializable(row.quantums) for row in found.perpetual_positions)

    async def has(self, size: float) -> None:
        """Waits until the position is of that size."""
        wanted = round(size / 10 ** self.market.market["atomicResolution"])

        async def reached_it() -> bool:
            return await self.position() == wanted

        await until(reached_it, f"a position of {size}, not {await self.position()} quantums")


def serializable(data: bytes) -> int:
    """A whole number as the wire has it: sign, then the magnitude."""
    return int.from_bytes(data[1:], "big") * (-1 if data[:1] == b"\x03" else 1)


class Play:
    """Everything that is traded, act by act. Prices of acts are chosen so that only what an act is about can match."""

    def __init__(self, task: dict, conversation: Conversation, node: NodeClient, alice: Trader, bob: Trader) -> None:
        self.task = task
        self.conversation = conversation
        self.node = node
        self.alice = alice
        self.bob = bob

    async def look(self, name: str) -> None:
        """The test looks at the chain, not before this height."""
        self.conversation.ask(ask="look", name=name, height=await self.node.latest_block_height())

    async def price(self, price: int) -> None:
        """The oracle's price is another one, as the client sees it too."""
        self.conversation.ask(ask="price", price=str(price))

        async def seen() -> bool:
            found = await self.node.get_price(self.task["oracle_market_id"])
            return found.price == round(price / 10**found.exponent)

        await until(seen, f"an oracle price of {price}")

    async def short_term(self) -> None:
        """Rest, replace, cancel, expire; post-only; immediate or cancel; reduce-only. The index is 50,000."""
        await self.alice.short("rests", BUY, 0.01, 49_000, blocks=30)
        await self.look("rests")
        await self.alice.short("rests", BUY, 0.02, 48_900, blocks=31)
        await self.look("replaced")
        await self.bob.long("ask", SELL, 0.03, 50_500)
        await self.alice.short("post_only", SELL, 0.01, 51_000, post_only=True)
        await self.alice.short("post_only_crosses", BUY, 0.01, 50_600, post_only=True)
        await self.look("post_only")
        await self.alice.cancel("post_only")
        await self.look("cancelled")
        await self.alice.short("market", BUY, 0.02, 50_500, order_type=OrderType.MARKET)
        await self.alice.short("ioc", BUY, 0.02, 50_500, time_in_force=IOC)
        await self.alice.has(0.03)
        await self.bob.long("bid", BUY, 0.05, 49_500)
        await self.alice.short("reduces", SELL, 0.04, 49_500, time_in_force=IOC, reduce_only=True)
        await self.alice.has(0)

    async def long_term(self) -> None:
        """Rest and be cancelled; take what there is, rest with what is left, be cancelled."""
        await self.alice.long("long_rests", BUY, 0.01, 48_000)
        await self.bob.long("second_ask", SELL, 0.02, 50_500)
        await self.alice.long("long_takes", BUY, 0.03, 50_500)
        await self.alice.has(0.02)
        await self.look("long_term")
        await self.alice.cancel("long_rests")
        await self.alice.cancel("long_takes")
        await self.look("long_term_cancelled")

    async def conditionals(self) -> dict:
        """Triggered orders fill or rest; one is cancelled before its trigger. The index goes to 46,900 and to 48,100."""
        unconditional = self.alice.condition("without_condition", SELL, 0.02, 46_000, 47_000, order_type=OrderType.STOP_LIMIT)
        seen = {"without_condition": refused(await self.node.place_order(self.alice.wallet, unconditional))}
        stop = {"order_type": OrderType.STOP_MARKET, "execution": OrderExecution.IOC, "time_in_force": IOC, "reduce_only": True}
        await self.alice.conditional("stop_loss", SELL, 0.02, 46_000, 47_000, condition_type=STOP_LOSS, **stop)
        profit = {"order_type": OrderType.TAKE_PROFIT_LIMIT, "condition_type": TAKE_PROFIT}
        await self.alice.conditional("triggered_rests", BUY, 0.01, 45_000, 47_000, **profit)
        await self.alice.conditional(
            "never_triggered", BUY, 0.01, 61_000, 60_000, order_type=OrderType.STOP_LIMIT, condition_type=STOP_LOSS
        )
        await self.look("waiting")
        await self.alice.cancel("never_triggered")
        await self.price(46_900)
        await self.alice.has(0)  # the stop has sold to what is left of the bid
        await self.look("triggered")
        await self.alice.cancel("triggered_rests")

        await self.bob.long("third_ask", SELL, 0.02, 47_000)
        await self.alice.short("market_again", BUY, 0.02, 47_000, order_type=OrderType.MARKET)
        await self.alice.has(0.02)
        await self.bob.long("second_bid", BUY, 0.02, 47_950)
        await self.alice.conditional("take_profit", SELL, 0.02, 47_900, 48_000, **profit)
        await self.look("take_profit")
        await self.price(48_100)
        await self.alice.has(0)
        return seen

    async def twap(self) -> None:
        """Ten slices over five minutes, of which the first fills; then the order is cancelled."""
        await self.bob.long("fourth_ask", SELL, 0.01, 48_200)
        good_til = int(time.time()) + LONG_SECONDS
        plain = self.alice.build("twap", BUY, 0.1, 48_500, good_til, TWAP)
        await self.alice.send("twap", extended(plain, 12, varints(300, 30, 10_000)))
        await self.alice.has(0.01)
        await self.look("twap")
        await self.alice.cancel("twap")
        await self.look("twap_cancelled")

    async def builder(self) -> dict:
        """A builder is paid with a fill; its code under the number that this protobuf has for it is something else to the chain."""
        await self.bob.long("fifth_ask", SELL, 0.01, 48_200)
        code = field(1, self.task["builder"].encode()) + varints(0, self.task["builder_ppm"])[2:]
        good_til = await self.node.latest_block_height() + SHORT_BLOCKS
        plain = self.alice.build("built", BUY, 0.01, 48_200, good_til, OrderFlags.SHORT_TERM, order_type=OrderType.MARKET)
        old = Order.FromString(plain.SerializeToString())
        old.builder_code_parameters.builder_address = self.task["builder"]
        old.builder_code_parameters.fee_ppm = self.task["builder_ppm"]
        seen = {"old_builder_code": refused(await self.node.place_order(self.alice.wallet, old))}
        await self.alice.send("built", extended(plain, 13, code))
        await self.alice.has(0.02)
        return seen

    async def batch_cancel(self) -> dict:
        """Of three resting orders two are cancelled together with an id that no order has; the third expires."""
        names = ("first_of_three", "second_of_three", "third_of_three")
        for name, price in zip(names, (47_000, 47_001, 47_002), strict=True):
            await self.alice.short(name, BUY, 0.01, price)
        await self.look("three")
        client_ids = [Trader.orders[name]["client_id"] for name in names[:2]]
        batch = OrderBatch(clob_pair_id=int(self.task["market"]["clobPairId"]), client_ids=[*client_ids, FIRST_CLIENT_ID - 1])
        good_til = await self.node.latest_block_height() + SHORT_BLOCKS
        answer = await self.node.batch_cancel_orders(self.alice.wallet, self.alice.subaccount, [batch], good_til)
        seen = {"batch_cancel": accepted(answer)}
        await included(self.node, seen["batch_cancel"])
        await self.look("batch_cancelled")
        await reached(self.node, Trader.orders["third_of_three"]["good_til"])
        return seen


async def trader(node: NodeClient, task: dict, name: str) -> Trader:
    """A trader from a mnemonic, with collateral."""
    person = task["traders"][name]
    wallet = await Wallet.from_mnemonic(node, person["mnemonic"], person["address"])
    assert wallet.address == person["address"]
    return Trader(node, wallet, Market(task["market"]), task["number"])


async def trade(task: dict, conversation: Conversation) -> dict:
    """Deposit, trade in every way, read back, withdraw."""
    node = await NodeClient.connect(NodeConfig(task["chain_id"], "adydx", task["denom"], insecure_channel(task["grpc"])))
    alice, bob = await trader(node, task, "alice"), await trader(node, task, "bob")
    play = Play(task, conversation, node, alice, bob)
    seen: dict = {"balance_before": (await node.get_account_balance(alice.wallet.address, task["denom"])).balance.amount}
    for who, name in ((alice, "deposit"), (bob, "other_deposit")):
        seen[name] = accepted(await node.deposit(who.wallet, who.wallet.address, who.subaccount, 0, task["deposit"]))
        await included(node, seen[name])
    await play.short_term()
    await play.long_term()
    seen |= await play.conditionals()
    await play.twap()
    seen |= await play.builder()
    seen |= await play.batch_cancel()
    seen["withdrawal"] = accepted(await node.withdraw(alice.wallet, alice.subaccount, alice.wallet.address, 0, task["withdraw"]))
    await included(node, seen["withdrawal"])

    subaccount = await node.get_subaccount(alice.wallet.address, task["number"])
    seen["subaccount"] = {
        "owner": subaccount.id.owner,
        "number": subaccount.id.number,
        "assets": [[row.asset_id, row.quantums.hex()] for row in subaccount.asset_positions],
        "perpetuals": [[row.perpetual_id, row.quantums.hex()] for row in subaccount.perpetual_positions],
    }
    seen["balance_after"] = (await node.get_account_balance(alice.wallet.address, task["denom"])).balance.amount
    seen["orders"] = Trader.orders
    return seen


async def read(task: dict) -> dict:
    """Every query of the client that this chain answers, by name; a failure names itself."""
    node = await NodeClient.connect(NodeConfig(task["chain_id"], "adydx", task["denom"], insecure_channel(task["grpc"])))
    address = task["traders"]["alice"]["address"]
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
    """One task in, one answer out, questions between them."""
    conversation = Conversation()
    task = conversation.receive()
    conversation.say({"answer": {"trade": asyncio.run(trade(task, conversation)), "read": asyncio.run(read(task))}})


if __name__ == "__main__":
    main()
