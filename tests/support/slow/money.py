"""Accounts of the slow chain: margin, the transition rule, isolated pools and fees, from dydx-risk.md 5, 6 and 11."""

from collections.abc import Mapping
from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple

from support.slow.world import MILLION, Account, Fail, Market, World

SUCCESS, NEWLY, STILL, ISOLATED = 0, 1, 2, 5


class Worth(NamedTuple):
    """Net collateral, initial and maintenance requirement, quote quantums."""

    net: int
    initial: int
    maintenance: int


class Side(NamedTuple):
    """What a trade does to one account."""

    account: Account
    base: int
    quote: int
    """Fees included."""


def notional(market: Market, quantums: int, price: int) -> int:
    """Signed value at the oracle's price, toward zero (5.1)."""
    exact = quantums * price * Fraction(10) ** (market.price_exponent + market.atomic_resolution + 6)
    return int(exact)


def initial_ppm(world: World, market: Market, open_interest: int) -> int:
    """The initial margin fraction, scaled by open interest (5.2)."""
    size = notional(market, open_interest, world.price[market.perpetual])
    base, lower, upper = market.initial_ppm, market.lower_cap, market.upper_cap
    if upper == 0 or size <= lower:
        return base
    if size >= upper:
        return MILLION
    return base + floor(Fraction((MILLION - base) * (size - lower), upper - lower))


def worth(
    world: World, collateral: int, positions: Mapping[int, int], open_interest: Mapping[int, int], leverage: Mapping[int, int]
) -> Worth:
    """Totals of an account with these positions and custom margins (5.3)."""
    net, initial, maintenance = collateral, 0, 0
    for perpetual, quantums in positions.items():
        market = world.rules.by_perpetual(perpetual)
        price = world.price[perpetual]
        value = notional(market, abs(quantums), price)
        net += notional(market, quantums, price)
        ppm = max(initial_ppm(world, market, open_interest[perpetual]), leverage.get(perpetual, 0))
        needs = ceil(Fraction(value * ppm, MILLION))
        keeps = ceil(Fraction(ceil(Fraction(value * market.initial_ppm, MILLION)) * market.fraction_ppm, MILLION))
        if market.brackets:
            needs = max(needs, marginal(value, [(above, rate) for above, rate, _ in market.brackets]))
            keeps = marginal(value, [(above, rate) for above, _, rate in market.brackets])
        initial += needs
        maintenance += keeps
    return Worth(net, initial, maintenance)


def marginal(value: int, rates: list[tuple[int, int]]) -> int:
    """Like income tax: every part of the value at the rate of its bracket, the sum rounded up (design.md 5)."""
    total = Fraction(0)
    for index, (above, ppm) in enumerate(rates):
        upper = rates[index + 1][0] if index + 1 < len(rates) else max(value, above)
        total += Fraction(max(min(value, upper) - above, 0) * ppm, MILLION)
    return ceil(total)


def worth_of(world: World, account: Account) -> Worth:
    """What the account is worth now."""
    held = world.positions.get(account, {})
    return worth(world, world.collateral.get(account, 0), held, world.open_interest, world.leverage.get(account, {}))


def transition(before: Worth, after: Worth) -> int:
    """May an account go from one to the other (5.4)? SUCCESS, NEWLY or STILL undercollateralized."""
    if after.net >= after.initial:
        return SUCCESS
    failure = NEWLY if before.net >= before.initial else STILL
    if after.maintenance > before.maintenance:
        return failure
    if before.maintenance == 0 or after.maintenance == 0:
        both = before.maintenance == 0 and after.maintenance == 0
        return SUCCESS if both and after.net > before.net else failure
    return SUCCESS if after.net * before.maintenance >= before.net * after.maintenance else failure


def violates_isolation(world: World, account: Account, market: Market) -> bool:
    """Whether this account may not trade in this market (6.2)."""
    held = world.positions.get(account, {})
    if market.isolated:
        return any(perpetual != market.perpetual for perpetual in held)
    return any(world.rules.by_perpetual(perpetual).isolated for perpetual in held)


def changed(world: World, side: Side, perpetual: int) -> tuple[int, dict[int, int]]:
    """Collateral and positions after the trade."""
    positions = dict(world.positions.get(side.account, {}))
    positions[perpetual] = positions.get(perpetual, 0) + side.base
    if positions[perpetual] == 0:
        del positions[perpetual]
    return world.collateral.get(side.account, 0) + side.quote, positions


def judge(world: World, market: Market, sides: list[Side], *, is_match: bool) -> list[int]:
    """How each side would do; with a match open interest counts as after it (6.1)."""
    results = [ISOLATED if violates_isolation(world, side.account, market) else SUCCESS for side in sides]
    if any(results):
        return results
    if world.price[market.perpetual] == 0:
        raise Fail(103, "subaccounts")
    interest = dict(world.open_interest)
    if is_match:
        for side in sides:
            held = world.position(side.account, market.perpetual)
            interest[market.perpetual] += max(held + side.base, 0) - max(held, 0)
    for index, side in enumerate(sides):
        chosen = world.leverage.get(side.account, {})
        before = worth(world, world.collateral.get(side.account, 0), world.positions.get(side.account, {}), interest, chosen)
        after = worth(world, *changed(world, side, market.perpetual), interest, chosen)
        results[index] = transition(before, after)
    return results


def apply_match(world: World, market: Market, sides: list[Side], fees: int, paid: list[tuple[bytes, int]]) -> None:
    """Both sides have traded; the fee collector has their fees, the builders (address, amount) have theirs."""
    before = pools(world)
    for side in sides:
        held = world.position(side.account, market.perpetual)
        world.open_interest[market.perpetual] += max(held + side.base, 0) - max(held, 0)
        world.collateral[side.account], world.positions[side.account] = changed(world, side, market.perpetual)
    world.fees_collected += fees
    for address, amount in paid:
        world.wallet[address] = world.wallet.get(address, 0) + amount
    left = fees + sum(amount for _, amount in paid)
    assert sum(before.values()) - left == sum(pools(world).values()), "money is conserved"


def pool_of(world: World, account: Account) -> str:
    """The collateral pool of an account (6.3)."""
    for perpetual in world.positions.get(account, {}):
        if world.rules.by_perpetual(perpetual).isolated:
            return f"subaccounts:{perpetual}"
    return "subaccounts"


def pools(world: World) -> dict[str, int]:
    """What every pool must hold: the collateral of its accounts, with all funding settled."""
    found = {"subaccounts": 0} | {f"subaccounts:{market.perpetual}": 0 for market in world.rules.markets if market.isolated}
    for account, collateral in world.collateral.items():
        found[pool_of(world, account)] += collateral
    return found


def settle(world: World, index: Mapping[int, int]) -> None:
    """Funding moved to these indexes: every account pays at once, -lots x change."""
    for account, positions in world.positions.items():
        for perpetual, quantums in positions.items():
            market = world.rules.by_perpetual(perpetual)
            lots = Fraction(quantums, market.lot)
            assert lots.denominator == 1, "a position is in whole lots"
            world.collateral[account] -= int(lots) * (index[perpetual] - world.funding_index[perpetual])
    world.funding_index = dict(index)


def add_collateral(world: World, account: Account, amount: int) -> None:
    """A deposit, withdrawal or one side of a transfer. Fails with subaccounts 102."""
    before = worth_of(world, account)
    world.collateral[account] = world.collateral.get(account, 0) + amount
    if transition(before, worth_of(world, account)) != SUCCESS:
        raise Fail(102, "subaccounts")


def deposit(world: World, sender: bytes, recipient: Account, amount: int) -> None:
    """From a wallet into a subaccount (6.4)."""
    if amount == 0:
        raise Fail(2, "sending")
    if world.wallet.get(sender, 0) < amount:
        raise Fail(5, "sdk")
    add_collateral(world, recipient, amount)
    world.wallet[sender] -= amount


def withdraw(world: World, sender: Account, recipient: bytes, amount: int) -> None:
    """From a subaccount to a wallet (6.4)."""
    if amount == 0:
        raise Fail(2, "sending")
    held = pools(world)[pool_of(world, sender)]
    add_collateral(world, sender, -amount)
    if held < amount:
        raise Fail(5, "sdk")
    world.wallet[recipient] = world.wallet.get(recipient, 0) + amount


def transfer(world: World, sender: Account, recipient: Account, amount: int) -> None:
    """From one subaccount to another (6.4)."""
    if sender == recipient:
        raise Fail(1, "sending")
    if amount == 0:
        raise Fail(2, "sending")
    held = pools(world)[pool_of(world, sender)]
    add_collateral(world, sender, -amount)
    add_collateral(world, recipient, amount)
    if pool_of(world, sender) != pool_of(world, recipient) and held < amount:
        raise Fail(5, "sdk")


def set_leverage(world: World, account: Account, entries: list[tuple[int, int]]) -> None:
    """MsgUpdateLeverage (5.5): (pair, ppm) each. The entries alone must leave the account initially collateralised."""
    if not entries or len({pair for pair, _ in entries}) != len(entries) or not all(1 <= ppm <= MILLION for _, ppm in entries):
        raise Fail(11_002)
    chosen = {world.rules.by_pair(pair).perpetual: ppm for pair, ppm in entries}
    for perpetual, ppm in chosen.items():
        if ppm < world.rules.by_perpetual(perpetual).initial_ppm:
            raise Fail(701, "subaccounts")
    held = world.positions.get(account, {})
    found = worth(world, world.collateral.get(account, 0), held, world.open_interest, chosen)
    if found.net < found.initial:
        raise Fail(703, "subaccounts")
    world.leverage[account] = world.leverage.get(account, {}) | chosen
