import logging
from pathlib import Path

import pytest

from node.failure import Failure
from node.feeder import board
from node.feeder.service import MAXIMUM_AGE_SECONDS, Feeder
from node.feeder.sources import SECOND, Market, Moment, Quote

MARKETS = [(0, "BTC-USD", -5, 4_731_900_000), (1, "ETH-USD", -6, 3_829_000_000)]


class Saying:
    """A source that says what a test wants: a price, silence of any kind, or an error."""

    def __init__(self, **said: int | Exception | None) -> None:
        self.said = said
        self.age_seconds = 0

    def quote(self, market: Market, moment: Moment) -> Quote | None:
        word = self.said.get(market.ticker[:3])
        if isinstance(word, Exception):
            raise word
        return None if word is None else Quote(word, moment.now - self.age_seconds * SECOND)


def test_first_source_that_covers_a_market_speaks_for_it(tmp_path: Path) -> None:
    """A file for one, a simulation for the rest, the genesis price for whatever is left."""
    script = tmp_path / "s.csv"
    script.write_text("0,BTC-USD,40000\n")
    feeder = Feeder(f"scripted:{script}", MARKETS, now_nanoseconds=0)
    assert feeder.current(SECOND) == {0: 40_000_00000, 1: 3_829_000_000}


def test_prices_are_those_of_the_moment_and_of_this_validator() -> None:
    """Two feeders with the same clock differ a little; one asked twice does not differ."""
    first, second = (Feeder("simulated:4", MARKETS, validator_index=index, now_nanoseconds=0) for index in (0, 1))
    assert first.current(99 * SECOND) == first.current(99 * SECOND)
    assert first.current(99 * SECOND) != second.current(99 * SECOND)
    assert first.current(99 * SECOND) != first.current(100 * SECOND)


def test_price_set_by_hand_stands_before_every_source_from_now_on(tmp_path: Path) -> None:
    """The file is read again when it changes, and forgotten when it goes."""
    path = tmp_path / "board.json"
    feeder = Feeder("manual", MARKETS, override=path)
    assert feeder.current()[0] == 47_319_00000
    board.set_price(path, "BTC-USD", "42000.5")
    assert feeder.current() == {0: 42_000_50000, 1: 3_829_000_000}
    board.set_price(path, "ETH-USD", "1")
    assert feeder.current() == {0: 42_000_50000, 1: 1_000_000}
    board.clear_price(path, "BTC-USD")
    assert feeder.current()[0] == 47_319_00000
    path.unlink()
    assert feeder.current()[1] == 3_829_000_000


def test_board_says_when_the_network_began(tmp_path: Path) -> None:
    """So a node that is started later reports the same as the others."""
    path = tmp_path / "board.json"
    board.start(path, created_seconds=1000, started_seconds=2000)
    late = Feeder("simulated:4", MARKETS, override=path, now_nanoseconds=1_500 * SECOND)
    early = Feeder("simulated:4", MARKETS, override=path, now_nanoseconds=1_001 * SECOND)
    assert late.current(2_500 * SECOND) == early.current(2_500 * SECOND)


def test_starting_again_keeps_prices_that_were_set(tmp_path: Path) -> None:
    """They hold until they are cleared."""
    path = tmp_path / "board.json"
    board.set_price(path, "BTC-USD", "1")
    board.start(path, created_seconds=1, started_seconds=2)
    assert board.read(path).prices == {"BTC-USD": "1"}
    board.clear_all(path)
    assert board.read(path) == board.Board(created_seconds=1, started_seconds=2)


@pytest.mark.parametrize("content", ["{", "[]", '{"prices": 5}', '{"prices": {"BTC-USD": 5}}', '{"created_seconds": "x"}'])
def test_damaged_board_is_logged_once_and_the_last_good_one_stays(tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture) -> None:
    """Votes come several times a second; the log does not."""
    path = tmp_path / "board.json"
    board.set_price(path, "BTC-USD", "1")
    feeder = Feeder("manual", MARKETS, override=path)
    assert feeder.current()[0] == 100_000
    path.write_text(content)
    with caplog.at_level(logging.WARNING):
        assert feeder.current()[0] == feeder.current()[0] == 100_000
    assert len(caplog.records) == 1
    with pytest.raises(Failure):
        board.read(path)


def test_error_in_one_market_silences_only_that_market(caplog: pytest.LogCaptureFixture) -> None:
    """And is logged once, until it changes."""
    source = Saying(BTC=ValueError("boom"), ETH=5)
    feeder = Feeder([source], MARKETS)
    with caplog.at_level(logging.WARNING):
        assert feeder.current() == feeder.current() == {1: 5}
    assert [record.getMessage() for record in caplog.records] == ["no price for BTC-USD: ValueError('boom')"]


def test_feeder_never_raises_into_a_vote(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What cannot even be looked at gives no prices and a log line."""
    feeder = Feeder("manual", MARKETS, override=tmp_path / "file" / "board.json")
    (tmp_path / "file").write_text("not a directory")
    with caplog.at_level(logging.WARNING):
        assert feeder.current() == {}
    assert "no prices" in caplog.text


@pytest.mark.parametrize("price", [0, -1, 2**64])
def test_price_out_of_range_is_left_out(price: int) -> None:
    """The vote extension carries 0 < price < 2^64 only."""
    assert Feeder([Saying(BTC=price, ETH=2**64 - 1)], MARKETS).current() == {1: 2**64 - 1}


def test_price_set_too_fine_for_its_market_is_left_out(tmp_path: Path) -> None:
    """It would be zero."""
    board.set_price(tmp_path / "b", "BTC-USD", "0.000001")
    assert 0 not in Feeder("manual", MARKETS, override=tmp_path / "b").current()


def test_old_price_is_left_out() -> None:
    """A source that has not learnt anything for too long is no source."""
    source = Saying(BTC=5)
    source.age_seconds = MAXIMUM_AGE_SECONDS
    feeder = Feeder([source], MARKETS)
    assert feeder.current() == {0: 5}
    source.age_seconds += 1
    assert feeder.current() == {}


def test_markets_can_change_while_the_node_runs() -> None:
    """The chain opens markets."""
    feeder = Feeder("manual", MARKETS)
    feeder.follow([(7, "NEW-USD", -2, 100)])
    assert feeder.current() == {7: 100}
