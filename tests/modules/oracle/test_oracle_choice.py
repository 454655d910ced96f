"""Which source is in force: in order, downwards at once, upwards only after a run of good blocks, whatever sources do."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.kernel.context import Context
from modules.oracle.choice import choose, deviates
from modules.oracle.model import PriceVote, Standing
from modules.oracle.sources import FIRST_CHOICE, Choice, Source, SourcePrice
from support.markets import BTC, Markets
from support.price_desk import priced, signer_set
from support.sequencing import Signer

SECOND = 10**9
OLD = 6_012_345_678


def played(history: list[tuple[bool, ...]], switch_back_blocks: int) -> list[int]:
    """The place in force in each block."""
    choice, found = FIRST_CHOICE, []
    for height, good in enumerate(history, 1):
        place, runs = choose(choice, good, switch_back_blocks)
        choice = Choice(place, height, runs, 0)
        found.append(place)
    return found


@pytest.mark.parametrize(
    ("history", "places"),
    [
        ("11 11 11", [0, 0, 0]),
        ("01 01 11 11 11 11", [1, 1, 1, 1, 0, 0]),
        ("01 11 11 01 11 11 11", [1, 1, 1, 1, 1, 1, 0]),
        ("00 00 10 10 10", [0, 0, 0, 0, 0]),
        ("01 00 10 10 10 10", [1, 1, 1, 1, 0, 0]),
        ("001 011 011 111 111 111", [2, 2, 2, 1, 1, 0]),
        ("001 111 111 111 111", [2, 2, 2, 0, 0]),
        ("011 001 011 011 011 001", [1, 2, 2, 2, 1, 2]),
    ],
)
def test_the_first_good_source_is_in_force_and_a_preferred_one_after_three_good_blocks(history: str, places: list[int]) -> None:
    """ORACLE-30, block by block: digits are the sources' states in order of preference."""
    assert played([tuple(digit == "1" for digit in block) for block in history.split()], 3) == places


HISTORIES = st.integers(1, 4).flatmap(lambda count: st.lists(st.tuples(*[st.booleans()] * count), min_size=1, max_size=120))


@given(HISTORIES, st.integers(1, 6))
def test_no_source_can_make_the_choice_flap(history: list[tuple[bool, ...]], switch_back_blocks: int) -> None:
    """ORACLE-30 against any on and off: who is switched back to has been good in every one of the last blocks, so it comes at most once in
    so many; what is in force is good, or nothing after it is and nothing before it has proven itself.
    """
    places = [0, *played(history, switch_back_blocks)]
    last_up: dict[int, int] = {}
    for block, (before, place) in enumerate(pairwise(places)):
        good = history[block]
        if place < before:
            assert block + 1 >= switch_back_blocks
            assert all(history[index][place] for index in range(block + 1 - switch_back_blocks, block + 1))
            assert block - last_up.get(place, -switch_back_blocks - 1) > switch_back_blocks
            last_up[place] = block
        elif place > before:
            assert not any(good[before:place])
            assert good[place]
        elif not good[place]:
            assert not any(good[place:])


@given(st.integers(1, 2**64 - 1), st.integers(1, 2**64 - 1), st.integers(1, 10**6))
def test_a_deviation_is_more_than_the_ppm_exactly(price: int, other: int, ppm: int) -> None:
    """ORACLE-31: by cross-multiplication, to the unit; exactly the ppm is none."""
    assert not deviates(10**6 * price, 10**6 * price + price * ppm, ppm)
    assert deviates(price, other, ppm) is (abs(other - price) * 10**6 > price * ppm)
    edge = price * ppm // 10**6
    assert not deviates(price, price + edge, ppm)
    assert deviates(price, price + edge + 1, ppm)


# Through the keeper


def market_of(*sources: str, **changes: Any) -> Markets:
    """BTC with these sources."""
    return Markets({"oracle": priced(list(sources), **changes)})


def say(markets: Markets, source: Source, price: int, confidence: int = 0) -> None:
    """The source says this in the present block."""
    ctx = markets.ctx
    markets.oracle.sources.record(ctx, BTC, source, SourcePrice(price, confidence, ctx.time_ns, ctx.height))


def step(markets: Markets, votes: int = 0, seconds: int = 1) -> Context:
    """The next block, with a vote of everybody for this price, or no vote."""
    ctx = markets.step(seconds * SECOND)
    markets.oracle.apply_votes(ctx, [PriceVote(1, ((BTC, votes),))] if votes else [], 1)
    markets.oracle.choose_sources(ctx)
    assert markets.broken() == []
    return ctx


def told(ctx: Context, kind: str) -> list[tuple[object, ...]]:
    """Values of the block's events of a kind."""
    return [values for event, values in ctx.events if event.type == kind]


def test_a_market_without_a_list_writes_what_it_always_wrote() -> None:
    """Votes go straight into the price: no source, no choice, no other state."""
    markets = Markets()
    ctx = step(markets, votes=600)
    assert markets.oracle.recorded(ctx, BTC).price == 600
    state = markets.oracle_module._state
    assert [list(one.items(ctx)) for one in (state.sources, state.source_prices, state.choices, state.signer_sets)] == [[], [], [], []]
    assert state.pull.get(ctx) is None


def test_votes_first_then_what_is_pushed_then_votes_again() -> None:
    """Votes stop: when they are too old the push is in force at once; when they come back they need five good blocks. An event each way."""
    markets = market_of("VOTES", "PUSH", source_ages_seconds={"VOTES": 3, "PUSH": 3_600})
    step(markets, votes=OLD)
    say(markets, Source.PUSH, OLD + 100)
    for _ in range(3):
        ctx = step(markets)
        assert (markets.oracle.recorded(ctx, BTC).price, told(ctx, "oracle_source_changed")) == (OLD, [])
    ctx = step(markets)
    assert (markets.oracle.recorded(ctx, BTC).price, told(ctx, "oracle_source_changed")) == (OLD + 100, [(BTC, "VOTES", "PUSH")])
    for _ in range(4):
        ctx = step(markets, votes=OLD + 7)
        assert (markets.oracle.recorded(ctx, BTC).price, told(ctx, "oracle_source_changed")) == (OLD + 100, [])
    ctx = step(markets, votes=OLD + 7)
    assert (markets.oracle.recorded(ctx, BTC).price, told(ctx, "oracle_source_changed")) == (OLD + 7, [(BTC, "PUSH", "VOTES")])
    answer = markets.ask("/perpd.oracle.v1.Query/Sources", market_id=BTC)
    assert (answer.in_force, answer.since_height) == ("VOTES", ctx.height)
    assert [(row.source, row.price, row.fresh, row.certain) for row in answer.sources] == [
        ("VOTES", OLD + 7, True, True),
        ("PUSH", OLD + 100, True, True),
    ]


def test_a_source_that_is_not_certain_is_passed_over() -> None:
    """ORACLE-32: a confidence wider than 1 %: the next source is in force though the first one is young."""
    markets = market_of("PULL", "VOTES")
    say(markets, Source.PULL, OLD, OLD // 100 + 1)
    ctx = step(markets, votes=OLD + 1)
    assert markets.oracle.recorded(ctx, BTC).price == OLD + 1
    assert told(ctx, "oracle_source_changed") == [(BTC, "PULL", "VOTES")]


def test_the_only_source_is_in_force_even_where_it_is_not_certain() -> None:
    """Its price is the market's, with its confidence; the standing says what that allows."""
    markets = market_of("PULL")
    say(markets, Source.PULL, OLD + 3, OLD // 50)
    ctx = step(markets)
    assert (markets.oracle.recorded(ctx, BTC).price, markets.oracle.recorded(ctx, BTC).confidence) == (OLD + 3, OLD // 50)
    assert markets.oracle.standing(ctx, BTC) is Standing.UNCERTAIN


def test_a_source_that_deviates_makes_the_price_uncertain_while_it_does() -> None:
    """ORACLE-33: votes are in force, a push is more than 1 % away: the deviation is the confidence; an event at both ends."""
    markets = market_of("VOTES", "PUSH")
    far = 110 * OLD // 100
    say(markets, Source.PUSH, far)
    ctx = step(markets, votes=OLD)
    assert markets.oracle.recorded(ctx, BTC).confidence == far - OLD
    assert markets.oracle.standing(ctx, BTC) is Standing.UNCERTAIN
    assert told(ctx, "oracle_sources_deviated") == [(BTC, "VOTES", "PUSH")]
    assert [row.deviates for row in markets.ask("/perpd.oracle.v1.Query/Sources", market_id=BTC).sources] == [False, True]
    assert told(step(markets, votes=OLD), "oracle_sources_deviated") == []
    say(markets, Source.PUSH, OLD + OLD // 100)
    ctx = step(markets, votes=OLD)
    assert markets.oracle.standing(ctx, BTC) is Standing.FRESH
    assert markets.oracle.recorded(ctx, BTC).confidence == 0
    assert told(ctx, "oracle_sources_deviated") == [(BTC, "VOTES", "")]


def test_a_source_that_is_too_old_checks_nobody() -> None:
    """What deviates and was said an hour ago says nothing about now."""
    markets = market_of("VOTES", "PUSH", source_ages_seconds={"PUSH": 5})
    say(markets, Source.PUSH, 2 * OLD)
    step(markets, votes=OLD)
    ctx = step(markets, votes=OLD, seconds=5)
    assert told(ctx, "oracle_sources_deviated") == [(BTC, "VOTES", "")]
    assert markets.oracle.standing(ctx, BTC) is Standing.FRESH


def test_a_source_s_old_word_ages_though_it_stays_in_force() -> None:
    """The price's age counts from when the source said it, so the market becomes stale without it."""
    markets = market_of("PULL")
    say(markets, Source.PULL, OLD)
    assert markets.oracle.standing(step(markets, seconds=60), BTC) is Standing.FRESH
    assert markets.oracle.standing(step(markets), BTC) is Standing.STALE


def reopening(markets: Markets) -> int:
    """By how many updates BTC is open again."""
    return markets.oracle_module._state.reopenings.get(markets.ctx, BTC) or 0


def test_a_market_reopens_by_what_sources_say_anew() -> None:
    """Two updates are to come: each signed price counts once, in the block after the one that took it, however long it is in force."""
    markets = market_of("PULL", updates_to_come=2)
    say(markets, Source.PULL, OLD)
    left = []
    for _ in range(3):
        step(markets)
        left.append(reopening(markets))
    say(markets, Source.PULL, OLD)
    step(markets)
    assert [*left, reopening(markets)] == [1, 1, 1, 0]
    assert markets.oracle.standing(markets.ctx, BTC) is Standing.FRESH
    markets = market_of("VOTES", "PUSH", updates_to_come=9)
    for votes, expected in ((OLD, 8), (0, 8), (0, 8), (OLD, 7)):
        step(markets, votes=votes)
        assert reopening(markets) == expected


def test_a_market_does_not_reopen_by_what_a_source_said_long_ago() -> None:
    """A push from before is in force again when votes have stopped: it is not news."""
    markets = market_of("VOTES", "PUSH", source_ages_seconds={"VOTES": 1, "PUSH": 3_600}, updates_to_come=9)
    say(markets, Source.PUSH, OLD + 1)
    step(markets, votes=OLD)
    step(markets, votes=OLD)
    assert reopening(markets) == 7
    ctx = step(markets, seconds=2)
    assert told(ctx, "oracle_source_changed") == [(BTC, "VOTES", "PUSH")]
    assert (markets.oracle.recorded(ctx, BTC).price, reopening(markets)) == (OLD + 1, 7)


def test_a_signed_price_that_is_far_is_reached_in_as_many_blocks_as_the_largest_move_needs() -> None:
    """ORACLE-7 holds for every source: the price goes on towards what was said once."""
    markets = market_of("PULL", maximum_move_ppm=10_000)
    wanted = OLD * 1_025 // 1_000
    say(markets, Source.PULL, wanted)
    found = [markets.oracle.recorded(step(markets), BTC).price for _ in range(4)]
    first = OLD + OLD // 100
    assert found == [first, first + first // 100, wanted, wanted]
    assert markets.oracle.recorded(markets.ctx, BTC).updated_height == 1


@pytest.mark.parametrize("sources", [("VOTES", "PULL", "PUSH"), ("PUSH",), ("PULL", "VOTES")])
def test_an_export_of_sources_builds_the_same_state(sources: tuple[str, ...]) -> None:
    """With prices by source, a choice that has been made, runs and a deviation."""
    markets = market_of(*sources)
    say(markets, Source[sources[-1]], 2 * OLD)
    for votes in (OLD, 0, OLD):
        step(markets, votes=votes, seconds=40)
        say(markets, Source[sources[-1]], 2 * OLD)
    exported = markets.export()["oracle"]
    again = Markets({"oracle": exported})
    assert again.export()["oracle"] == exported
    state, other = markets.oracle_module._state, again.oracle_module._state
    for one, two in ((state.sources, other.sources), (state.source_prices, other.source_prices), (state.choices, other.choices)):
        assert list(one.items(markets.ctx)) == list(two.items(again.ctx))
    assert list(state.signer_sets.items(markets.ctx)) == list(other.signer_sets.items(again.ctx))


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"sources": []}, "sources"),
        ({"sources": ["VOTES", "VOTES"]}, "sources"),
        ({"sources": ["TEA"]}, "sources"),
        ({"sources": "VOTES"}, "sources"),
        ({"sources": [{}]}, "sources"),
        ({"switch_back_blocks": 0}, "switch_back_blocks"),
        ({"max_deviation_ppm": 0}, "max_deviation_ppm"),
        ({"maximum_confidence_ppm": 0}, "maximum_confidence_ppm"),
        ({"maximum_confidence_ppm": 10_001}, "maximum_confidence_ppm"),
        ({"pusher": ""}, "pusher"),
        ({"pusher": "dydx1nobody"}, "pusher"),
        ({"sources": ["VOTES", "PULL"]}, "pusher"),
        ({"source_ages_seconds": {"TEA": 5}}, "source_ages_seconds.TEA"),
        ({"source_ages_seconds": {"PUSH": 0}}, "source_ages_seconds.PUSH"),
        ({"sources": ["VOTES"], "pusher": ""}, "switch_back_blocks"),
        ({"choice": {"place": 1, "since_height": 1, "runs": [], "deviating": 0}}, "choice.runs"),
        ({"choice": {"place": 3, "since_height": 1, "runs": [0], "deviating": 0}}, "choice.place"),
        ({"source_prices": [{"source": "PULL", "price": 0, "confidence": 0, "time_ns": 1, "height": 1}]}, "source_prices[0].price"),
        ({"pull": {}}, "pull"),
    ],
)
def test_mistakes_about_a_market_s_sources_are_named(change: dict[str, object], path: str) -> None:
    """Each alone, at its place in the file."""
    markets = market_of("VOTES", "PULL", "PUSH")
    markets.genesis["oracle"]["markets"][BTC] |= change
    assert f"oracle.markets[{BTC}].{path}" in [found for found, _ in markets.problems()]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"threshold": 0}, "signer_sets[0].threshold"),
        ({"threshold": 4}, "signer_sets[0].threshold"),
        ({"public_keys": []}, "signer_sets[0].public_keys"),
        ({"public_keys": ["00" * 31]}, "signer_sets[0].public_keys"),
        ({"public_keys": ["zz" * 32]}, "signer_sets[0].public_keys"),
        ({"public_keys": ["00" * 32] * 2}, "signer_sets[0].public_keys"),
        ({"public_keys": [7]}, "signer_sets[0].public_keys"),
        ({"version": -1}, "signer_sets[0].version"),
        ({"valid_until_ns": 5}, "signer_sets"),
        ({"tea": 5}, "signer_sets[0].tea"),
    ],
)
def test_mistakes_about_signers_are_named(change: dict[str, object], path: str) -> None:
    """Each alone; two sets must ascend, the last alone without an end."""
    markets = market_of("PULL")
    markets.genesis["oracle"]["pull"]["signer_sets"][0] |= change
    assert f"oracle.pull.{path}" in [found for found, _ in markets.problems()]


def test_signer_sets_ascend_and_the_last_alone_has_no_end() -> None:
    """Both mistakes of two sets."""
    markets = market_of("PULL")
    markets.genesis["oracle"]["pull"]["signer_sets"] = [signer_set(2), signer_set(1)]
    assert [path for path, _ in markets.problems()] == ["oracle.pull.signer_sets[1].version", "oracle.pull.signer_sets"]
    markets.genesis["oracle"]["pull"]["signer_sets"] = [signer_set(1, valid_until_ns="7"), signer_set(2)]
    assert markets.problems() == []
    assert Signer("dave").text not in str(markets.genesis["oracle"]["pull"])
