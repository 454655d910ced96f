"""What must hold at one height, recomputed from plain queries: nothing here believes a node's own summary."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from modules.kernel.codec import decode_signed
from node.client.client import Client
from node.client.queries import AccountRisk, Queries
from perpd_proto.dydxprotocol.perpetuals import perpetual_pb2
from perpd_proto.dydxprotocol.subaccounts import subaccount_pb2


@dataclass(slots=True)
class PoolSum:
    """One collateral pool, counted from its subaccounts. Quote quantums."""

    address: str
    bank_balance: int
    subaccounts: int = 0
    collateral: int = 0
    unsettled_funding: int = 0

    @property
    def settled(self) -> int:
        """What its subaccounts hold with all funding settled."""
        return self.collateral + self.unsettled_funding


@dataclass(slots=True)
class MarketSum:
    """All positions in one perpetual, counted one by one; base quantums, and quote quantums of its last funding charge."""

    ticker: str
    open_interest: int
    lot: int
    index: int
    last_change: int
    """By how much the last charge moved the index, quote quantums per lot."""
    longs: int = 0
    shorts: int = 0
    paid: int = 0
    """By those who pay, at the last charge's rate on the positions that are counted here."""
    received: int = 0


@dataclass(slots=True)
class Report:
    """What was counted at a height, and every mismatch as a sentence; none means that everything is exact."""

    height: int
    app_hashes: list[bytes] = field(default_factory=list)
    """Of every node, in their order."""
    subaccounts: int = 0
    pools: list[PoolSum] = field(default_factory=list)
    markets: list[MarketSum] = field(default_factory=list)
    mismatches: list[str] = field(default_factory=list)


def verify(clients: Sequence[Client], height: int) -> Report:
    """Money, funding and app hashes at a height that every node has committed."""
    report = Report(height)
    ask = clients[0].at(height)
    _count(ask, report)
    _compare_with_the_nodes_own_books(ask, report)
    _compare_hashes(clients, report)
    return report


def _count(ask: Queries, report: Report) -> None:
    """Every subaccount goes into its pool and its markets."""
    perpetuals = {row.params.id: row for row in ask.perpetuals()}
    markets = {perpetual_id: _market(ask, row) for perpetual_id, row in perpetuals.items()}
    addresses = {perpetual_id: ask.pool_address(perpetual_id) for perpetual_id in perpetuals}
    cross = next((addresses[number] for number, row in perpetuals.items() if not _isolated(row)), None)
    denom = ask.usdc_denom()
    pools = {address: PoolSum(address, ask.balance(address, denom)) for address in dict.fromkeys(addresses.values())}
    for account in ask.subaccounts():
        report.subaccounts += 1
        held = [row.perpetual_id for row in account.perpetual_positions]
        address = addresses[held[0]] if held else cross
        assert address is not None, "without a cross market nobody can hold collateral alone"
        collateral = sum(decode_signed(row.quantums) for row in account.asset_positions)
        pools[address].subaccounts += 1
        pools[address].collateral += collateral
        if held:
            risk = ask.risk(account.id.owner, account.id.number)
            pools[address].unsettled_funding += _count_positions(report, markets, account, risk, collateral)
    report.pools = list(pools.values())
    report.markets = list(markets.values())
    for pool in report.pools:
        if pool.bank_balance != pool.settled:
            report.mismatches.append(
                f"pool {pool.address} holds {pool.bank_balance}, its subaccounts {pool.collateral} and {pool.unsettled_funding} of funding"
            )
    for market in report.markets:
        if market.longs != market.shorts:
            report.mismatches.append(f"{market.ticker}: longs are {market.longs}, shorts {market.shorts}")
        if market.longs != market.open_interest:
            report.mismatches.append(f"{market.ticker}: longs are {market.longs}, the open interest {market.open_interest}")
        if market.paid != market.received:
            report.mismatches.append(f"{market.ticker}: {market.paid} of funding is paid, {market.received} received")


def _market(ask: Queries, perpetual: perpetual_pb2.Perpetual) -> MarketSum:
    number = perpetual.params.id
    funding, charges = ask.funding(number), ask.funding_rates(number, 2)
    indexes = [decode_signed(charge.index) for charge in charges]
    change = indexes[0] - (indexes[1] if len(indexes) > 1 else 0) if indexes else 0
    return MarketSum(
        ticker=perpetual.params.ticker,
        open_interest=decode_signed(perpetual.open_interest),
        lot=funding.lot_base_quantums,
        index=decode_signed(funding.index),
        last_change=change,
    )


def _count_positions(
    report: Report, markets: dict[int, MarketSum], account: subaccount_pb2.Subaccount, risk: AccountRisk, collateral: int
) -> int:
    """Adds the positions to their markets; their unsettled funding, recomputed from lots and indexes."""
    name = f"{account.id.owner}/{account.id.number}"
    owed = 0
    for position in risk.positions:
        market = markets[position.perpetual_id]
        lots, rest = divmod(position.quantums, market.lot)
        if rest:
            report.mismatches.append(f"{name}: {position.quantums} in {market.ticker} is no whole number of lots")
        own = -lots * (market.index - position.funding_index)
        if own != position.unsettled_funding:
            report.mismatches.append(f"{name}: {position.unsettled_funding} of funding in {market.ticker} is unsettled, not {own}")
        owed += own
        if position.quantums > 0:
            market.longs += position.quantums
        else:
            market.shorts -= position.quantums
        charge = -lots * market.last_change
        if charge < 0:
            market.paid -= charge
        else:
            market.received += charge
    if collateral + owed != risk.settled_collateral:
        report.mismatches.append(f"{name}: settled collateral is {risk.settled_collateral}, not {collateral} and {owed}")
    shown = {row.perpetual_id: decode_signed(row.quantums) for row in account.perpetual_positions}
    if shown != {row.perpetual_id: row.quantums for row in risk.positions}:
        report.mismatches.append(f"{name}: two queries show different positions")
    return owed


def _compare_with_the_nodes_own_books(ask: Queries, report: Report) -> None:
    """The node's own full scan says the same, and that all balances sum to the supply."""
    own = ask.conservation()
    if own.height != report.height:
        report.mismatches.append(f"the node answered for height {own.height} where {report.height} was asked")
    if not own.supply_matches:
        report.mismatches.append("the balances of all accounts do not sum to the supply")
    theirs = sorted(tuple(map(decode_signed, (row.bank_balance, row.collateral, row.unsettled_funding))) for row in own.pools)
    ours = sorted((pool.bank_balance, pool.collateral, pool.unsettled_funding) for pool in report.pools)
    if theirs != ours:
        report.mismatches.append(f"the node counts the pools as {theirs}, and we count {ours}")
    books = [(decode_signed(row.long_quantums), -decode_signed(row.short_quantums)) for row in own.markets]
    if books != [(market.longs, market.shorts) for market in report.markets]:
        report.mismatches.append("the node counts other positions than we do")


def _compare_hashes(clients: Sequence[Client], report: Report) -> None:
    """Every node has the same root after that block, and the next header carries it."""
    report.app_hashes = [client.latest.app_hash(report.height)[1] for client in clients]
    for client, app_hash in zip(clients, report.app_hashes, strict=True):
        if app_hash != report.app_hashes[0]:
            report.mismatches.append(f"the node at {client.connection.address} has the app hash {app_hash.hex()} at height {report.height}")
    header = clients[0].latest.block(report.height + 1).block.header
    if header.app_hash != report.app_hashes[0]:
        report.mismatches.append(f"the header of height {header.height} carries {header.app_hash.hex()}")


def _isolated(perpetual: perpetual_pb2.Perpetual) -> bool:
    return perpetual.params.market_type == perpetual_pb2.PERPETUAL_MARKET_TYPE_ISOLATED
