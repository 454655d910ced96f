"""The engine dies at each of its own checkpoints, one after the other (cometbft-abci.md C.7); the application lives on, or dies too."""

import shutil
from pathlib import Path

import pytest

from support import load
from support.app_network import open_app
from support.localnet import PEOPLE, History, Traffic, traders_genesis
from support.lone_validator import LoneValidator, lone_validator

pytestmark = [pytest.mark.network, pytest.mark.slow]

CHECKPOINTS = 25
"""Eleven of a height in steady state: every one in the first height of a life, in the second, and some beyond."""


def crash_and_recover(validator: LoneValidator, checkpoint: int, *, application_dies: bool) -> None:
    """The engine exits at that checkpoint of its life; started again without it, two more blocks come."""
    validator.start_engine(FAIL_TEST_INDEX=str(checkpoint))
    assert validator.engine_exit_code() == 1
    assert validator.application_lives(), validator.log()[-2000:]
    if application_dies:
        validator.kill_application()
        validator.start_application()
    validator.start_engine()
    validator.wait_for_more(2)
    validator.kill_engine()


@pytest.mark.parametrize("application_dies", [False, True], ids=["application lives on", "application dies too"])
def test_every_checkpoint_of_the_engine_is_survived(tmp_path: Path, *, application_dies: bool) -> None:
    """Under load, each crash on top of the last; in the end a new application replays the whole chain to the same hashes."""
    people = load.traders(PEOPLE)
    with lone_validator(tmp_path / "home", traders_genesis(tmp_path, people)) as validator:
        validator.start_engine()
        validator.wait_until_committed(3)
        validator.kill_engine()
        with Traffic(validator, people, interval_seconds=0.02) as sent:
            for checkpoint in range(CHECKPOINTS):
                crash_and_recover(validator, checkpoint, application_dies=application_dies)
            validator.start_engine()
            goal = validator.wait_for_more(3)
        assert sent.accepted > 100
        if not application_dies:
            assert "a staged block is undone" in validator.log()
        app = open_app(tmp_path / "replay")
        try:
            with History(validator.rpc_url) as history:
                history.replay(app, goal - 1)
        finally:
            app.store.close()


@pytest.mark.parametrize("checkpoint", [None, 3, 5, 7], ids=["engine at rest", "block saved", "block finalized", "block committed"])
def test_an_application_that_was_put_back_is_replayed_forward(tmp_path: Path, checkpoint: int | None) -> None:
    """Its database is an older copy, then none at all, as after a restored backup: the engine feeds it what is missing, to the same hash.

    With a checkpoint the engine has also died within a block, so that it stands one block further than its own state.
    """
    people = load.traders(PEOPLE)
    with lone_validator(tmp_path / "home", traders_genesis(tmp_path, people)) as validator:
        database = validator.home.node(0).app
        for age in ("older", "none"):
            if age == "older":
                validator.start_engine()
                validator.wait_until_committed(4)
                validator.kill_engine()
                validator.kill_application()
                shutil.copytree(database, tmp_path / "copy", ignore=shutil.ignore_patterns("*.sock"))
                validator.start_application()
            with Traffic(validator, people, interval_seconds=0.02):
                validator.start_engine()
                goal = validator.wait_for_more(6)
                validator.kill_engine()
                if checkpoint is not None:
                    validator.start_engine(FAIL_TEST_INDEX=str(11 + checkpoint))
                    assert validator.engine_exit_code() == 1
            validator.kill_application()
            shutil.rmtree(database)
            database.mkdir()
            if age == "older":
                shutil.copytree(tmp_path / "copy", database, dirs_exist_ok=True)
            validator.start_application()
            validator.start_engine()
            validator.wait_until_committed(goal + 2)
            assert int(validator.ask("status")["sync_info"]["latest_block_height"]) >= goal
            validator.kill_engine()
