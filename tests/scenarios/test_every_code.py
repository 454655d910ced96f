"""Every registered code is raised by the smallest transaction that meets it, exactly, and nothing but sequence and fee has changed.

A new code without a row in support/code_rows.py fails here. What the reference registers and this chain cannot meet is listed below with
the reason, and must not be registered.
"""

import re
from collections.abc import Iterator, Mapping

import pytest

from modules.kernel.errors import registry
from perpd_proto.tendermint.abci import types_pb2 as abci
from support.chain import message
from support.code_rows import BLOCK, GENESES, QUERIES, Row
from support.code_rows import ROWS as OTHER_ROWS
from support.exchange import quick_directory
from support.price_rows import OF_PRICES
from support.stage import Stage

Code = tuple[str, int]

ROWS = [*OTHER_ROWS, *OF_PRICES]
NOT_OF_A_TRANSACTION: Mapping[Code, str] = {
    ("clob", 11001): "a message without a subaccount names no signer, and sdk 7 comes first",
    ("sending", 5): "a message without a transfer names no signer, and sdk 7 comes first",
    ("subaccounts", 101): "sending 1 comes first; no order meets one of its own subaccount",
    ("subaccounts", 103): "clob 28 comes first, and a price never becomes 0 again",
    ("subaccounts", 500): "sending 2 comes first",
    ("subaccounts", 501): "sending 1101 comes first",
    ("feetiers", 407): "a query's: its text is that of a gRPC status",
    ("sdk", 13): "a node that asks for a fee says so; no node does unless it is told to",
    ("sdk", 20): "the engine's pool is full, which broadcasting tells by this code",
    ("sequencer", 2): "a block's, not a transaction's: see the test of preambles below",
    ("sequencer", 10): "a proposal's: it is refused as a whole, and a decided block has one order whatever it carries",
}
"""Registered, and no transaction gets it."""

_NEVER = "the reference never raises it"
_OPERATIONS = "there is no queue of operations: every order is a transaction"
_ENGINE = "liquidation and deleveraging are the state machine's own: their ends are events, not failures"
_GENESIS = "markets come from genesis"
_VOTES = "premiums come from the consensus book, not from votes"
_ONLY_USDC = "USDC is the only asset"

NOT_HERE: Mapping[str, Mapping[int, str]] = {
    "clob": {
        **dict.fromkeys((2, 13, 14, 15, 16, 17, 22, 30, 31, 43, 2000, 2002, 6002, 9001, 9002), _NEVER),
        9: "a valid cancel always succeeds (design.md 3.5)",
        18: "fills are whole steps by construction",
        **dict.fromkeys((19, 37), "messages name markets by their clob pair: 8"),
        **dict.fromkeys((21, 36, 42, 49, *range(4000, 4009)), _OPERATIONS),
        23: "a match whose fees cannot move does not happen",
        **dict.fromkeys((25, 26), "a premium is taken only where there is a perpetual with a price"),
        32: "cancels act on executed state; a second one is 3006",
        **dict.fromkeys((33, 41), _GENESIS),
        46: "a batch cancel succeeds and names what it did not find",
        47: "the books are state: a node that answers has them",
        **dict.fromkeys((*range(1001, 1016), *range(1017, 1023)), _ENGINE),
        2003: "a post-only order that would cross is accepted and ends with that reason (design.md 3.5)",
        9000: "a pair without a perpetual is 27",
        **dict.fromkeys((11003, 11004), "raised as subaccounts 701 and 702"),
    },
    "perpetuals": {
        **dict.fromkeys((7, 8, 9, 10, 18), _VOTES),
        11: "rates are clamped below what an int32 holds",
        17: _GENESIS,
        20: "setting a tier that exists changes it",
        21: "maintenance is a fraction of initial margin of at most 1,000,000 ppm: 4",
        25: "open interest follows fills, which have two sides",
        26: "every perpetual has its state from genesis on",
    },
    "subaccounts": {
        202: "a genesis is refused as a whole, with the path of each mistake",
        **dict.fromkeys((300, 301, 302, 303), _ONLY_USDC),
        **dict.fromkeys((400, 401, 402, 403), "positions are written by one door, in order and never of size 0"),
        700: "raised as clob 11002",
        702: "an initial margin of 0 cannot be set: perpetuals 3",
    },
    "prices": {
        **dict.fromkeys((100, 101, 102, 103), "feeders have their own configuration: the chain knows no exchanges"),
        **dict.fromkeys((201, 202, 203, 204), "a market and its price are one value"),
        **dict.fromkeys((207, *range(500, 505)), "there is no market map and no table of currency pairs"),
        **dict.fromkeys((208, 209, 210), "a market's exponent is fixed, whatever a message says of it"),
        **dict.fromkeys((300, 400, 401, 402), "prices come with votes, not with messages"),
    },
    "feetiers": {405: "there are no affiliates"},
    "sending": {
        **dict.fromkeys((3, 4), "raised as subaccounts 201 and 200"),
        **dict.fromkeys((7, 8), "nobody moves the money of module accounts"),
    },
    "assets": dict.fromkeys((1, *range(3, 14), 401, 402), _ONLY_USDC),
    "epochs": dict.fromkeys(range(2, 7), "funding keeps its own epochs, and a genesis is refused as a whole"),
    "blocktime": dict.fromkeys(range(400, 404), "gaps are told by parameters of funding and of gating"),
}
"""Of the reference's codes (dydx-clob.md 2.10, dydx-risk.md 3.3) those that cannot occur here, and why."""

REFERENCE: Mapping[str, tuple[int, ...]] = {
    "clob": (
        *(code for code in range(2, 51) if code != 38),
        *(code for code in range(1000, 1023) if code != 1016),
        *range(2000, 2006),
        *range(3000, 3011),
        *range(4000, 4009),
        *(5000, 5001, 6000, 6001, 6002, 9000, 9001, 9002, 9003, 10000, 10001, 11000, 11001, 11002, 11003, 11004),
    ),
    "perpetuals": tuple(code for code in range(1, 27) if code != 13),
    "subaccounts": (101, 102, 103, 200, 201, 202, 300, 301, 302, 303, 400, 401, 402, 403, 500, 501, 700, 701, 702, 703),
    "prices": (1, 100, 101, 102, 103, *range(200, 211), 300, 400, 401, 402, *range(500, 505)),
    "assets": (1, *range(3, 14), 401, 402),
    "feetiers": tuple(range(400, 409)),
    "sending": (*range(1, 9), 1101),
    "epochs": tuple(range(2, 7)),
    "blocktime": tuple(range(400, 404)),
}
_JARGON = re.compile(r"\b(Err[A-Z]\w*|nil|null|None|panic|mempool|memclob|assert\w*|exception|keeper|handler|unexpected)\b")


@pytest.fixture(scope="module")
def stages() -> Iterator[dict[str, Stage]]:
    """A chain of every genesis, the main one with orders and positions."""
    opened = {}
    with quick_directory() as directory:
        try:
            for number, (name, app_state) in enumerate(GENESES.items()):
                opened[name] = stage = Stage(directory / str(number), app_state())
                if name == "main":
                    stage.prepare()
                else:
                    stage.run(2)
            yield opened
        finally:
            for stage in opened.values():
                stage.close()


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_the_code_is_raised_and_nothing_else_happens(stages: dict[str, Stage], row: Row) -> None:
    """Exactly this code, a log that ends in its text; that a failure has changed nothing is what `tried` asserts."""
    stage = stages[row.genesis]
    txs = row.build(stage)
    answer: abci.ExecTxResult | abci.ResponseCheckTx
    if row.where == BLOCK:
        answer = stage.tried(*txs)
    else:
        answers = [stage.checked(tx) for tx in txs]
        assert [one.code for one in answers[:-1]] == [0] * (len(txs) - 1)
        answer = answers[-1]
        stage.run()
    assert (answer.codespace, answer.code) == (row.codespace, row.code), answer.log
    assert answer.log.endswith(registry()[row.codespace, row.code].text)
    assert len(answer.log.split()) >= 4, f"{answer.log!r} does not say what to do"


@pytest.mark.parametrize("code", QUERIES, ids=[f"{codespace}-{code}" for codespace, code in QUERIES])
def test_a_query_s_code_is_raised(stages: dict[str, Stage], code: Code) -> None:
    """Answered over `abci_query`."""
    answer = message(stages["main"].apps[0].query(QUERIES[code]), abci.ResponseQuery)
    assert (answer.codespace, answer.code) == code, answer.log
    assert answer.log


def test_a_wrong_preamble_gets_its_code(stages: dict[str, Stage]) -> None:
    """sequencer 2: the preamble of an earlier height, in a block that block sync brings; the block goes on without votes."""
    stage = stages["main"]
    old = stage.chain.blocks[-1].txs[:1]
    response = stage.chain.finalize(old, stage.apps[0])
    stage.chain.prepare([])
    assert [(one.codespace, one.code) for one in response.tx_results] == [("sequencer", 2)]
    assert response.tx_results[0].log.endswith(registry()["sequencer", 2].text)


def test_every_registered_code_has_a_row_or_a_reason() -> None:
    """A code that is registered tomorrow fails here until something raises it."""
    rows = [(row.codespace, row.code) for row in ROWS] + list(QUERIES)
    assert len(frozenset(rows)) == len(rows), "a code has two rows"
    assert not frozenset(rows) & frozenset(NOT_OF_A_TRANSACTION)
    assert sorted([*rows, *NOT_OF_A_TRANSACTION]) == list(registry())


def test_the_reference_s_codes_are_registered_or_cannot_occur() -> None:
    """Every code of its codespaces is one or the other, and none is both; codes that it does not know have codespaces of their own."""
    for codespace, codes in REFERENCE.items():
        here = [code for space, code in registry() if space == codespace]
        absent = list(NOT_HERE.get(codespace, {}))
        assert sorted(here + absent) == sorted(codes), codespace
    ours = {space for space, _ in registry()} - REFERENCE.keys()
    assert ours == {"authority", "consensus", "oracle", "revshare", "sdk", "sequencer"}
    assert all(reason for absent in NOT_HERE.values() for reason in absent.values())


def test_every_text_says_what_is_wrong_in_plain_words() -> None:
    """A sentence without jargon, of some words, that does not end in a full stop: details come before it. Those of sdk are Cosmos's own."""
    for (codespace, code), kind in registry().items():
        name = f"{codespace}/{code}: {kind.text}"
        assert kind.text == kind.text.strip(), name
        assert kind.text, name
        assert not kind.text.endswith((".", "!", ":")), name
        if codespace != "sdk":
            assert len(kind.text.split()) >= 3, name
            assert not _JARGON.search(kind.text), name
            assert "_" not in re.sub(r"\b(good_til_block(_time)?|charge_ppm)\b", "", kind.text), name
