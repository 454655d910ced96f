"""Several sources of one price through whole applications: votes stop and come back, sources contradict each other, and chains go on."""

from modules.oracle.model import Standing
from modules.oracle.sources import Source
from support.exchange import Exchange, OpenExchange, genesis
from support.markets import BTC, ETH
from support.price_desk import PUSHER, SECOND, price_update, priced, pushed, signed_update

OLD, NEW = 6_012_345_678, 6_030_000_000
AGES = {"VOTES": 5, "PULL": 60, "PUSH": 3_600}


def signed(exchange: Exchange, price: int) -> bytes:
    """An update of BTC, published when the next block begins."""
    now = exchange.chain.time_ns + exchange.chain.block_seconds_ns
    return exchange.sign("alice", signed_update(exchange.chain.chain_id, price_update(price, now)))


def silence(exchange: Exchange) -> None:
    """No feeder reports anything any more; votes go on, empty."""
    for reported in exchange.reported:
        reported.clear()


def speak(exchange: Exchange, price: int) -> None:
    """All feeders report again."""
    for reported in exchange.reported:
        reported.update({BTC: price, ETH: 3_012_345_678})


def in_force(exchange: Exchange) -> str:
    """Name of BTC's source."""
    keeper = exchange.wiring.oracle.keeper
    market = keeper.market(exchange.ctx, BTC)
    assert market is not None
    states, choice, _ = keeper.source_states(exchange.ctx, market)
    return Source(states[choice.place].rule.source).name


def test_a_signed_price_is_in_force_while_all_feeders_are_silent_and_votes_are_again_later(open_exchange: OpenExchange) -> None:
    """Votes grow five seconds old, then the signed price is in force in the very next block, and back after five good blocks; other
    markets, whose only source is silent, merely age.
    """
    exchange = open_exchange(genesis(oracle=priced(source_ages_seconds=AGES)))
    exchange.run(3)
    exchange.block(signed(exchange, NEW))
    silence(exchange)
    exchange.block()
    last_vote_ns = exchange.wiring.oracle.keeper.recorded(exchange.ctx, BTC).updated_ns
    switches = []
    while exchange.chain.time_ns < last_vote_ns + 5 * SECOND:
        switches += exchange.block().events("oracle_source_changed")
        assert (exchange.price(), in_force(exchange)) == (OLD, "VOTES")
    assert switches == []
    assert exchange.block().events("oracle_source_changed") == [{"market_id": "0", "from": "VOTES", "to": "PULL"}]
    assert (exchange.price(), in_force(exchange)) == (NEW, "PULL")
    assert exchange.wiring.oracle.keeper.standing(exchange.ctx, BTC) is Standing.FRESH
    speak(exchange, NEW + 5)
    exchange.block()
    for _ in range(4):
        assert exchange.block().events("oracle_source_changed") == []
        assert exchange.price() == NEW
    assert exchange.block().events("oracle_source_changed") == [{"market_id": "0", "from": "PULL", "to": "VOTES"}]
    assert exchange.price() == NEW + 5


def test_votes_that_come_and_go_never_take_over(open_exchange: OpenExchange) -> None:
    """Feeders on and off in every block, votes one second young at most: one switch down, and no other for as long as it lasts."""
    exchange = open_exchange(genesis(oracle=priced(source_ages_seconds=AGES | {"VOTES": 1})))
    exchange.run(2)
    exchange.block(exchange.sign(PUSHER, pushed(NEW)))
    found = []
    for turn in range(24):
        if turn % 4 < 2:
            silence(exchange)
        else:
            speak(exchange, OLD + turn)
        found += exchange.block().events("oracle_source_changed")
    assert found == [{"market_id": "0", "from": "VOTES", "to": "PUSH"}]
    assert exchange.price() == NEW


def test_sources_that_contradict_each_other_make_the_price_uncertain(open_exchange: OpenExchange) -> None:
    """A push 2 % from the votes: the votes' price stays, its confidence is the distance, and it allows no new risk; an event each way."""
    exchange = open_exchange(genesis(oracle=priced(source_ages_seconds=AGES)))
    exchange.run(2)
    far = OLD * 102 // 100
    exchange.block(exchange.sign(PUSHER, pushed(far)))
    happened = exchange.block()
    assert happened.events("oracle_sources_deviated") == [{"market_id": "0", "in_force": "VOTES", "deviating": "PUSH"}]
    recorded = exchange.wiring.oracle.keeper.recorded(exchange.ctx, BTC)
    assert (recorded.price, recorded.confidence) == (OLD, far - OLD)
    assert exchange.wiring.oracle.keeper.standing(exchange.ctx, BTC) is Standing.UNCERTAIN
    assert exchange.block().events("oracle_sources_deviated") == []
    exchange.block(exchange.sign(PUSHER, pushed(OLD)))
    assert exchange.block().events("oracle_sources_deviated") == [{"market_id": "0", "in_force": "VOTES", "deviating": ""}]
    assert exchange.wiring.oracle.keeper.standing(exchange.ctx, BTC) is Standing.FRESH


def test_a_chain_without_vote_extensions_lives_on_signed_prices(open_exchange: OpenExchange) -> None:
    """There is no preamble at all; the choice is made in every block all the same."""
    exchange = open_exchange(genesis(oracle=priced(["PULL"])), enable_height=0)
    exchange.block(signed(exchange, NEW))
    exchange.block()
    assert exchange.price() == NEW


def test_a_chain_begun_from_an_export_chooses_alike(open_exchange: OpenExchange) -> None:
    """Exported while the signed price is in force and votes have been good for two blocks: both chains switch back in the same block."""
    exchange = open_exchange(genesis(oracle=priced(source_ages_seconds=AGES)))
    exchange.run(3)
    exchange.block(signed(exchange, NEW))
    silence(exchange)
    exchange.run(7)
    assert in_force(exchange) == "PULL"
    speak(exchange, OLD)
    exchange.run(3)
    document = exchange.wiring.export_genesis(exchange.ctx)
    fresh = open_exchange(document, initial_height=exchange.chain.height + 1, time_ns=exchange.chain.time_ns)
    again = fresh.wiring.export_genesis(fresh.ctx)
    assert again["oracle"] == document["oracle"]
    speak(fresh, OLD)
    assert [in_force(fresh), in_force(exchange)] == ["PULL", "PULL"]
    for chain in (exchange, fresh):
        while in_force(chain) != "VOTES":
            chain.block()
        assert chain.price() == OLD
