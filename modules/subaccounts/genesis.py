"""Genesis of the subaccounts.

Each of `accounts` (may be absent): `owner`, `number`, `collateral` (quote quantums, may be negative), and optionally `positions`: each
`perpetual_id`, `quantums` (signed), `funding_index` (quote quantums per lot at its last settlement), `entry_quote`, `realised_quote` (0
if absent). What the accounts hold must lie in the pools' bank balances, to the quantum: give the pool (`"module": "subaccounts"`) a
balance in `bank`.

`leverage` (may be absent): `owner`, `number`, and `entries`, each `perpetual_id` and `custom_imf_ppm`, a subaccount's own least initial
margin there (1 to 10^6, of the notional).

`gating` (may be absent): `outage_seconds` (default 300), `blocks` (default 50; 0: nothing is ever gated); an export adds `outage_height`
and `negative` (each `pool`, 0 for the cross pool, an isolated perpetual's id + 1 for its own, and `height`), what was seen last.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from modules.bank.keeper import BankKeeper
from modules.bank.model import FEE_COLLECTOR
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.genesis import Reader
from modules.kernel.intmath import div_floor
from modules.kernel.module import Problems
from modules.kernel.units import MAX_SUBACCOUNT_NUMBER, MILLION, Address, SubaccountId
from modules.subaccounts.gating import DEFAULT_GATING
from modules.subaccounts.keeper import SubaccountsKeeper
from modules.subaccounts.model import (
    CROSS_POOL,
    INSURANCE_FUND,
    CustomMargin,
    GatingParams,
    Leverage,
    Position,
    Subaccount,
    fund_name,
    pool_name,
    subaccount,
)
from modules.subaccounts.state import SubaccountsState

_ANY = 2**127


class _Market(NamedTuple):
    """What other sections say about a perpetual, as far as they can be read."""

    isolated: bool
    open_interest: int
    lot: int
    funding_index: int


class _Gating(NamedTuple):
    params: GatingParams
    outage_height: int
    """0: there was none."""
    negative: dict[int, int]
    """Heights by pool."""


class _Entry(NamedTuple):
    reader: Reader
    id: SubaccountId | None
    account: Subaccount


class _Chosen(NamedTuple):
    reader: Reader
    id: SubaccountId | None
    entries: dict[int, int]


class _Section(NamedTuple):
    accounts: list[_Entry]
    leverage: list[_Chosen]
    gating: _Gating


def _read_account(reader: Reader) -> _Entry:
    owner = reader.account("owner")
    number = reader.integer("number", 0, MAX_SUBACCOUNT_NUMBER)
    collateral = reader.integer("collateral", -_ANY, _ANY)
    positions: dict[int, Position] = {}
    for row in reader.objects("positions"):
        perpetual_id = row.integer("perpetual_id", 0, 2**32 - 1)
        quantums = row.integer("quantums", -_ANY, _ANY)
        position = Position(
            quantums,
            row.integer("funding_index", -_ANY, _ANY),
            row.integer("entry_quote", -_ANY, _ANY),
            row.integer("realised_quote", -_ANY, _ANY, 0),
        )
        if quantums == 0:
            row.problem("quantums", "must not be 0; leave the position out")
        if perpetual_id in positions:
            row.problem("perpetual_id", f"{perpetual_id} has a second entry")
        row.done()
        positions[perpetual_id] = position
    if not collateral and not positions:
        reader.problem("collateral", "must not be 0 without positions; leave the account out")
    reader.done()
    return _Entry(reader, _id_of(owner, number), subaccount(collateral, positions))


def _read_leverage(reader: Reader) -> _Chosen:
    owner = reader.account("owner")
    number = reader.integer("number", 0, MAX_SUBACCOUNT_NUMBER)
    entries: dict[int, int] = {}
    for row in reader.objects("entries", required=True):
        perpetual_id = row.integer("perpetual_id", 0, 2**32 - 1)
        if perpetual_id in entries:
            row.problem("perpetual_id", f"{perpetual_id} has a second entry")
        entries[perpetual_id] = row.integer("custom_imf_ppm", 1, MILLION)
        row.done()
    if not entries:
        reader.problem("entries", "must not be empty; leave the subaccount out")
    reader.done()
    return _Chosen(reader, _id_of(owner, number), entries)


def _id_of(owner: str, number: int) -> SubaccountId | None:
    return SubaccountId(addresses.from_text(owner), number) if addresses.is_valid(owner) else None


def _read_gating(reader: Reader | None) -> _Gating:
    if reader is None:
        return _Gating(DEFAULT_GATING, 0, {})
    params = GatingParams(
        reader.integer("outage_seconds", 1, 2**31 - 1, DEFAULT_GATING.outage_seconds),
        reader.integer("blocks", 0, 2**31 - 1, DEFAULT_GATING.blocks),
    )
    found = _Gating(params, reader.integer("outage_height", 0, 2**63 - 1, 0), {})
    for row in reader.objects("negative"):
        pool = row.integer("pool", 0, 2**32 - 1)
        if pool in found.negative:
            row.problem("pool", f"{pool} has a second entry")
        found.negative[pool] = row.integer("height", 1, 2**63 - 1)
        row.done()
    reader.done()
    return found


def _read(section: Any, problems: Problems) -> _Section:
    reader = Reader(section, "subaccounts", problems)
    accounts = [_read_account(item) for item in reader.objects("accounts")]
    leverage = [_read_leverage(item) for item in reader.objects("leverage")]
    rows: tuple[list[_Entry] | list[_Chosen], ...] = (accounts, leverage)
    for entries in rows:
        seen: dict[SubaccountId, None] = {}
        for entry in entries:
            if entry.id is not None and entry.id in seen:
                entry.reader.problem("number", f"{entry.id.number} of this owner has a second entry")
            if entry.id is not None:
                seen[entry.id] = None
    gating = _read_gating(reader.optional("gating"))
    reader.done()
    return _Section(accounts, leverage, gating)


def _markets(whole: Mapping[str, Any]) -> dict[int, _Market]:
    """From the sections `perp` and `funding`; what is wrong with those is theirs to report."""
    funding: dict[int, tuple[int, int]] = {}
    for entry in Reader(whole.get("funding"), "funding", Problems()).objects("perpetuals"):
        perpetual_id = entry.integer("id", 0, 2**32 - 1)
        funding[perpetual_id] = (entry.integer("lot_base_quantums", 1, _ANY), entry.integer("index", -(2**255), 2**255, 0))
    markets = {}
    for entry in Reader(whole.get("perp"), "perp", Problems()).objects("perpetuals"):
        perpetual_id = entry.integer("id", 0, 2**32 - 1)
        isolated = entry.text("market_type", "CROSS") == "ISOLATED"
        markets[perpetual_id] = _Market(isolated, entry.integer("open_interest", 0, _ANY, 0), *funding.get(perpetual_id, (1, 0)))
    return markets


def _pool_balances(whole: Mapping[str, Any]) -> dict[Address, int]:
    """Quote quantums by bank account, from the section `bank`."""
    reader = Reader(whole.get("bank"), "bank", Problems())
    denoms = reader.values("denoms", [])
    balances: dict[Address, int] = {}
    for entry in reader.objects("balances"):
        name, text = entry.text("module", ""), entry.text("address", "")
        if not name and not addresses.is_valid(text):
            continue
        account = addresses.of_module(name) if name else addresses.from_text(text)
        for coin in entry.objects("coins"):
            if denoms and coin.text("denom", "") == denoms[0]:
                balances[account] = balances.get(account, 0) + coin.integer("amount", 0, 2**128, 0)
    return balances


def _check_positions(entry: _Entry, markets: Mapping[int, _Market]) -> bool:
    """Reports positions that cannot be; False when sums over them would mean nothing."""
    sound = True
    for index, (perpetual_id, position) in enumerate(entry.account.positions.items()):
        market = markets.get(perpetual_id)
        if market is None:
            entry.reader.problem(f"positions[{index}].perpetual_id", f"{perpetual_id} is not listed in perp.perpetuals")
            sound = False
        elif position.quantums % market.lot:
            entry.reader.problem(f"positions[{index}].quantums", f"{position.quantums} is no multiple of the funding lot {market.lot}")
            sound = False
        elif market.isolated and len(entry.account.rows) > 1:
            entry.reader.problem("positions", f"perpetual {perpetual_id} is isolated and must be the only one")
            sound = False
    return sound


def _check_module_names(whole: Mapping[str, Any], markets: Mapping[int, _Market], problems: Problems) -> None:
    """Reports balances of module accounts that there are none of: nobody could ever move what lies there."""
    known = [CROSS_POOL, FEE_COLLECTOR, INSURANCE_FUND]
    for perpetual_id, market in sorted(markets.items()):
        if market.isolated:
            known += [pool_name(perpetual_id, isolated=True), fund_name(perpetual_id, isolated=True)]
    for entry in Reader(whole.get("bank"), "bank", Problems()).objects("balances"):
        name = entry.text("module", "")
        if name and name not in known:
            problems.add(f"{entry.path}.module", f"{name!r} is no module account of this chain; there are {', '.join(known)}")


def validate(section: Any, problems: Problems, whole: Mapping[str, Any]) -> None:
    """Every mistake; with the other sections: positions that match, and pools that hold exactly what the accounts have."""
    entries, leverage, _ = _read(section, problems)
    markets = _markets(whole)
    for chosen in leverage:
        for index, perpetual_id in enumerate(chosen.entries):
            if perpetual_id not in markets:
                chosen.reader.problem(f"entries[{index}].perpetual_id", f"{perpetual_id} is not listed in perp.perpetuals")
    _check_module_names(whole, markets, problems)
    sound = [_check_positions(entry, markets) for entry in entries]
    if not all(sound):
        return
    pools = {CROSS_POOL: 0} | {pool_name(key, isolated=True): 0 for key, market in markets.items() if market.isolated}
    longs, shorts = dict.fromkeys(markets, 0), dict.fromkeys(markets, 0)
    for entry in entries:
        pool = CROSS_POOL
        for perpetual_id, position in entry.account.positions.items():
            market = markets[perpetual_id]
            pool = pool_name(perpetual_id, market.isolated)
            side = longs if position.quantums > 0 else shorts
            side[perpetual_id] += abs(position.quantums)
            pools[pool] -= div_floor(position.quantums, market.lot) * (market.funding_index - position.funding_index)
        pools[pool] += entry.account.collateral
    for perpetual_id, market in markets.items():
        if not longs[perpetual_id] == shorts[perpetual_id] == market.open_interest:
            problems.add(
                "subaccounts.accounts",
                f"perpetual {perpetual_id}: longs {longs[perpetual_id]}, shorts {shorts[perpetual_id]} and open interest"
                f" {market.open_interest} (perp.perpetuals) must be equal",
            )
    balances = _pool_balances(whole)
    for name, needed in pools.items():
        held = balances.get(addresses.of_module(name), 0)
        if held != needed:
            problems.add(
                "subaccounts.accounts",
                f"the accounts hold {needed} in pool {name} (unsettled funding included), its balance in bank.balances is {held}",
            )


def init(ctx: Context, state: SubaccountsState, keeper: SubaccountsKeeper, bank: BankKeeper, section: Any) -> None:
    """Subaccounts as listed, the totals over them, and the module accounts where collateral and fees lie."""
    problems = Problems()
    entries, leverage, gating = _read(section, problems)
    assert not problems.found, problems.found
    state.gating.set(ctx, gating.params)
    # What was seen cannot lie ahead of where the chain begins, or the money would be kept in for longer than the parameter says.
    if min(gating.outage_height, ctx.height):
        state.outage.set(ctx, min(gating.outage_height, ctx.height))
    for pool_key, height in gating.negative.items():
        if min(height, ctx.height):
            state.negative.set(ctx, pool_key, min(height, ctx.height))
    for entry in entries:
        assert entry.id is not None
        state.accounts.set(ctx, entry.id, entry.account)
    for chosen in leverage:
        assert chosen.id is not None
        state.leverage.set(ctx, chosen.id, Leverage(tuple(CustomMargin(*row) for row in sorted(chosen.entries.items()))))
    keeper.count_totals(ctx)
    bank.register_module_account(ctx, FEE_COLLECTOR)
    for pool in keeper.books(ctx).pools:
        bank.register_module_account(ctx, pool.name)


def export(ctx: Context, state: SubaccountsState, keeper: SubaccountsKeeper) -> dict[str, Any]:
    """The section from which `init` builds this state."""
    gating: dict[str, Any] = keeper.gating.params(ctx)._asdict()
    outage = state.outage.get(ctx)
    if outage:
        gating["outage_height"] = str(outage)
    negative = [{"pool": pool_key, "height": str(height)} for pool_key, height in state.negative.items(ctx)]
    if negative:
        gating["negative"] = negative
    leverage = [
        {"owner": addresses.to_text(key.owner), "number": key.number, "entries": [entry._asdict() for entry in chosen.entries]}
        for key, chosen in state.leverage.items(ctx)
    ]
    return {
        "gating": gating,
        **({"leverage": leverage} if leverage else {}),
        "accounts": [
            {
                "owner": addresses.to_text(key.owner),
                "number": key.number,
                "collateral": str(account.collateral),
                "positions": [
                    {"perpetual_id": perpetual_id} | {name: str(value) for name, value in position._asdict().items()}
                    for perpetual_id, position in account.positions.items()
                ],
            }
            for key, account in keeper.accounts(ctx)
        ],
    }
