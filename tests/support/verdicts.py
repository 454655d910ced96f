"""What an application says of a proposal, and why: the answer of ProcessProposal and the line that it logs with it."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from node.abci.application import Application
from perpd_proto.tendermint.abci import types_pb2 as abci
from support.chain import Chain, message


class Told(NamedTuple):
    """A verdict: accepted, or the id of the broken rule (design.md 3.2) and the position of the first transaction that breaks it."""

    accepted: bool
    rule: str = ""
    position: int = -1


ACCEPTED = Told(accepted=True)


class _Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(record)


@contextmanager
def _listening() -> Iterator[list[logging.LogRecord]]:
    handler, logger = _Lines(), logging.getLogger("app")
    logger.addHandler(handler)
    try:
        yield handler.found
    finally:
        logger.removeHandler(handler)


def verdict_on(app: Application, request: abci.RequestProcessProposal) -> Told:
    """The application's verdict; a rejection without one line that says why is an error of the test's."""
    with _listening() as lines:
        answer = message(app.process_proposal(request), abci.ResponseProcessProposal)
    rejections = [line for line in lines if line.getMessage() == "proposal rejected"]
    if answer.status == abci.ResponseProcessProposal.ACCEPT:
        assert not rejections
        return ACCEPTED
    [line] = rejections
    return Told(False, vars(line)["rule"], vars(line)["position"])


def verdict(chain: Chain, txs: Sequence[bytes]) -> Told:
    """Of all the chain's applications, which must agree, on these transactions as the block of the next height."""
    request = chain.process_request(txs)
    first, *others = [verdict_on(app, request) for app in chain.apps]
    assert all(other == first for other in others), "applications disagree on a proposal"
    return first
