"""Bad input, field by field (P8): every field of every message at, just below and just above its bounds.

What a sender is told is exact; a failure has changed nothing but sequence and fee; a change that is accepted is in effect and the state
that it leads to exports as a valid genesis. A field of a message that is added later fails here until it has rows.
"""

import re
from collections.abc import Iterator

import pytest
from google.protobuf.descriptor import Descriptor

from modules.kernel.errors import registry
from node import chain_genesis
from support.authority_field_rows import CHANGES
from support.exchange import quick_directory
from support.field_rows import TRADERS, Case, cases
from support.price_rows import PRICES
from support.stage import EXAMPLES, Stage

MESSAGES = TRADERS | PRICES | CHANGES
CASES = list(cases(PRICES | CHANGES))


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """A chain with orders and positions."""
    with quick_directory() as directory:
        opened = Stage(directory / "fields")
        try:
            opened.prepare()
            yield opened
        finally:
            opened.close()


def fields(descriptor: Descriptor, path: str = "") -> Iterator[str]:
    """Paths of all fields that hold a value, at any depth."""
    for field in descriptor.fields:
        if field.message_type is None:
            yield path + field.name
        else:
            yield from fields(field.message_type, f"{path}{field.name}.")


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_field_of_a_message_has_rows(name: str, stage: Stage) -> None:
    """By the descriptors of what the chain takes; rows of fields that are no more fail too."""
    route = next(one for one in stage.wiring.messages if one.message.DESCRIPTOR.full_name == name)
    covered = {re.sub(r"\.\d+\b", "", path) for path in MESSAGES[name]}
    assert covered == set(fields(route.message.DESCRIPTOR))
    assert all(MESSAGES[name].values())


def test_every_message_has_rows(stage: Stage) -> None:
    """Messages that the chain takes, examples and rows are the same."""
    assert sorted(stage.signers) == sorted(EXAMPLES) == sorted(MESSAGES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_are_valid(name: str, stage: Stage) -> None:
    """So that what a case changes is why it fails."""
    result = stage.tried(stage.signed(EXAMPLES[name](stage)))
    assert result.code == 0, result.log


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_value_of_a_field_is_told_its_code_or_taken(case: Case, stage: Stage) -> None:
    """Exactly this code, from CheckTx where no block takes it; that a failure changes nothing is what `tried` asserts."""
    tx = stage.signed(case.build(stage))
    problems: list[tuple[str, str]] = []
    is_change = case.message in CHANGES and not case.expected
    answer = stage.told(tx, staged=lambda: problems.extend(export_problems(stage)) if is_change else None)
    told = f"{answer.codespace}/{answer.code}" if answer.code else ""
    assert told == case.expected, answer.log
    assert problems == []
    if answer.code:
        assert answer.log.endswith(registry()[answer.codespace, answer.code].text)


def export_problems(stage: Stage) -> list[tuple[str, str]]:
    """What is wrong with a genesis of the staged state."""
    return chain_genesis.validate(stage.wiring.export_genesis(stage.staged_ctx), stage.wiring.modules)
