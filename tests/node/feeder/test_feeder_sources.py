import itertools
import math
import random
from pathlib import Path
from statistics import pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.failure import Failure
from node.feeder import spec
from node.feeder.digits import scaled
from node.feeder.sources import JITTER_PPB, SECOND, SILENT, Held, Market, Moment, Quote, Simulated, Source

BTC = Market(0, "BTC-USD", -5, 4_731_900_000)
ETH = Market(1, "ETH-USD", -6, 3_829_000_000)


def moment(seconds: float, *, validator: int = 0, created: int = 0, started: int = 0) -> Moment:
    """So many seconds after the network began."""
    return Moment(now=int(seconds * SECOND), created=created * SECOND, started=started * SECOND, validator_index=validator)


def only(text: str) -> Source:
    """The first source of a SPEC."""
    return spec.sources(text)[0]


def price(source: Source, market: Market, at: Moment) -> int:
    """What the source says, which must be something."""
    quote = source.quote(market, at)
    assert quote not in (None, SILENT)
    assert quote is not None
    return quote.price


def near(found: int, expected: int) -> bool:
    """Equal but for what a node's own view may stray."""
    return abs(found - expected) <= expected * JITTER_PPB // 10**9 + 1


@pytest.mark.parametrize(
    ("text", "exponent", "expected"),
    [
        ("42000.5", -5, 4_200_050_000),
        ("0.000001234", -9, 1234),
        ("0.1", -20, 10**19),
        ("12345.678", 2, 123),
        ("9.999", 0, 9),
        ("7", 3, 0),
        ("123456789012345678901234567890", -2, 12345678901234567890123456789000),
    ],
)
def test_decimal_text_becomes_an_integer_digit_by_digit(text: str, exponent: int, expected: int) -> None:
    """Exact at any size; what is finer than the exponent is cut off."""
    assert scaled(text, exponent) == expected


@pytest.mark.parametrize("text", ["", ".", "1.", ".5", "-1", "+1", "1e5", "1,5", "NaN", "inf", "0x1", "1 2", "\u0661"])
def test_other_texts_are_no_price(text: str) -> None:
    """Signs, exponents and the digits of other alphabets included."""
    assert scaled(text, -2) is None


@given(st.integers(0, 10**30), st.integers(0, 18), st.integers(-20, 20))
def test_scaling_is_floor_division_by_the_power_of_ten(mantissa: int, places: int, exponent: int) -> None:
    """Against whole-number arithmetic on the same value."""
    digits = str(mantissa).rjust(places + 1, "0")
    text = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    shift = -exponent - places
    assert scaled(text, exponent) == (mantissa * 10**shift if shift >= 0 else mantissa // 10**-shift)


def test_manual_holds_the_genesis_price() -> None:
    """A market without one stays silent."""
    assert Held().quote(BTC, moment(1e6)) == Quote(BTC.initial_price, 10**6 * SECOND)
    assert Held().quote(BTC._replace(initial_price=0), moment(1)) is None


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """Two tickers, three points."""
    path = tmp_path / "series.csv"
    path.write_text("# from somewhere\ntime,BTC-USD,X-USD\n2022-01-03T00:00Z,100,1\n2022-01-03T00:01Z,200.5,2\n2022-01-03T00:03Z,150,3\n")
    return path


def test_recorded_prices_move_in_straight_lines_between_the_points(series: Path) -> None:
    """In integers of the market's exponent, from the network's genesis on."""
    source = only(f"recorded:{series}")
    for seconds, expected in [(0, 100_00000), (30, 150_25000), (60, 200_50000), (120, 175_25000), (180, 150_00000)]:
        assert near(price(source, BTC, moment(1000 + seconds, created=1000)), expected)


def test_recorded_prices_turn_around_at_the_end(series: Path) -> None:
    """So they never jump, and after twice its length the series begins anew."""
    source = only(f"recorded:{series}")
    for seconds, expected in [(240, 175_25000), (300, 200_50000), (359, 101_67500), (360, 100_00000), (390, 150_25000)]:
        assert near(price(source, BTC, moment(seconds)), expected)


@pytest.mark.parametrize(("speed", "seconds"), [("60", 1), ("0.5", 120), ("1", 60)])
def test_recorded_prices_run_at_the_speed_asked_for(series: Path, speed: str, seconds: int) -> None:
    """Faster and slower than life."""
    assert near(price(only(f"recorded:{series}@{speed}"), BTC, moment(seconds)), 200_50000)


def test_recorded_series_covers_only_its_tickers(series: Path) -> None:
    """The next source speaks for the others."""
    assert only(f"recorded:{series}").quote(ETH, moment(0)) is None
    assert near(price(only(f"recorded:{series}"), Market(7, "X-USD", -2, 0), moment(60)), 200)


def test_the_days_file_of_the_localnet_has_every_minute() -> None:
    """1440 closes; the first is what the localnet's genesis begins with."""
    first, _ = spec.DEFAULT.split(",")
    source = only(first)
    assert near(price(source, BTC, moment(0)), 47319_00000)
    assert near(price(source, BTC, moment(1439 * 60)), 46434_00000)
    rows = [line for line in (spec.PROJECT / "genesis" / "prices" / "btc-usd-2022-01-03.csv").read_text().splitlines() if line[0].isdigit()]
    assert len(rows) == 1440


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "must begin with the columns"),
        ("when,BTC-USD\n1,1\n2,2\n", "must begin with the columns"),
        ("time,BTC-USD,BTC-USD\n1,1,1\n2,2,2\n", "every ticker once"),
        ("time,BTC-USD\n1,1\n", "at least two prices"),
        ("time,BTC-USD\n1,1\n1,2\n", "line 3 must have a time after"),
        ("time,BTC-USD\n1,1\nnoon,2\n", "line 3 must have a time"),
        ("time,BTC-USD\n1,1\n2,2,3\n", "line 3 must have"),
        ("time,BTC-USD\n1,1\n2,0\n", "line 3 has a price"),
        ("time,BTC-USD\n1,1\n2,1e3\n", "line 3 has a price"),
    ],
)
def test_damaged_series_is_refused_with_its_line(tmp_path: Path, content: str, sentence: str) -> None:
    """Before the network starts."""
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(Failure, match=sentence):
        spec.sources(f"recorded:{path}")


def test_simulated_prices_are_the_same_on_every_node_but_for_its_own_view() -> None:
    """Whenever a node was started, and in whatever order it asks."""
    asked = [random.Random(3).randrange(0, 300_000) for _ in range(200)]
    forward, backward = Simulated(5), Simulated(5)
    found = {second: forward.deviation_ppb(1, second) for second in sorted(asked)}
    assert {second: backward.deviation_ppb(1, second) for second in sorted(asked, reverse=True)} == found
    views = [price(Simulated(5), ETH, moment(5000, validator=validator)) for validator in range(4)]
    assert len(set(views)) > 1
    assert max(views) - min(views) <= 2 * ETH.initial_price * JITTER_PPB // 10**9


def test_simulated_markets_and_seeds_walk_differently() -> None:
    """Each has a path of its own."""
    walks = {tuple(Simulated(seed).deviation_ppb(market, second) for second in range(50)) for seed in (1, 2) for market in (1, 2)}
    assert len(walks) == 4


def test_simulated_walk_has_even_steps_and_comes_back_to_the_genesis_price() -> None:
    """At every period's end; never a jump on the way, and never far away."""
    walk = Simulated(9)
    period = range(Simulated.PERIOD - 20_000, Simulated.PERIOD + 20_000)
    values = [walk.deviation_ppb(3, second) for second in period]
    steps = [after - before for before, after in itertools.pairwise(values)]
    assert walk.deviation_ppb(3, 0) == walk.deviation_ppb(3, Simulated.PERIOD) == 0
    assert 0.9 < pstdev(steps) / Simulated.STEP_PPB < 1.1
    assert max(map(abs, steps)) < 20 * Simulated.STEP_PPB
    assert max(map(abs, values)) < 5 * Simulated.STEP_PPB * math.isqrt(Simulated.PERIOD)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """Prices for all, silence, and a step for node 1 alone."""
    path = tmp_path / "script.csv"
    path.write_text("seconds,ticker,price,node\n# a fall\n10,BTC-USD,40000\n1.5,BTC-USD,45000.5\n20,BTC-USD,-\n30,BTC-USD,99,1\n")
    return path


def test_script_reports_each_step_from_its_second_on(script: Path) -> None:
    """Exactly, on every node alike, counted from the network's last start; before the first step nothing is scripted."""
    source = only(f"scripted:{script}")
    assert source.quote(BTC, moment(101, started=100)) is None
    for seconds, expected in [(101.5, 45_000_50000), (109.9, 45_000_50000), (110, 40_000_00000)]:
        assert [price(source, BTC, moment(seconds, started=100, validator=v)) for v in range(3)] == [expected] * 3
    assert source.quote(ETH, moment(200, started=100)) is None


def test_script_can_silence_a_market_and_speak_to_one_node(script: Path) -> None:
    """To play a validator whose feeder is dead, or one that lies."""
    source = only(f"scripted:{script}")
    assert source.quote(BTC, moment(25)) is SILENT
    assert source.quote(BTC, moment(35)) is SILENT
    assert price(source, BTC, moment(35, validator=1)) == 99_00000


@pytest.mark.parametrize(
    "line", ["x,BTC-USD,1", "1,BTC-USD", "1,,1", "1,BTC-USD,0", "1,BTC-USD,-5", "1,BTC-USD,1,first", "1,BTC-USD,1,1,1"]
)
def test_damaged_script_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    """Before the network starts."""
    path = tmp_path / "bad.csv"
    path.write_text(f"0,BTC-USD,1\n{line}\n")
    with pytest.raises(Failure, match="line 2"):
        spec.sources(f"scripted:{path}")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "empty"),
        ("manual,,manual", "empty part"),
        ("venues:", "is not a price source"),
        ("random", "is not a price source"),
        ("manual:1", "is not a price source"),
        ("simulated:x", "is not a price source"),
        ("simulated:", "is not a price source"),
        ("recorded:/no/such/file", "cannot be read"),
        ("scripted:/no/such/file", "cannot be read"),
        ("recorded:/no/such/file@0", "speed"),
    ],
)
def test_wrong_price_source_is_one_plain_sentence(text: str, sentence: str) -> None:
    """Which says what would be right."""
    with pytest.raises(Failure, match=sentence):
        spec.resolve(text, Path("/"))


def test_resolved_sources_name_files_absolutely(series: Path, script: Path) -> None:
    """A process started elsewhere reads the same files; an @ in a name is no speed."""
    odd = series.rename(series.with_name("a@b.csv"))
    found = spec.resolve("recorded:a@b.csv@60, scripted:script.csv,simulated:7,manual", series.parent)
    assert found == f"recorded:{odd}@60,scripted:{script},simulated:7,manual"
    assert spec.resolve(found, Path("/elsewhere")) == found
