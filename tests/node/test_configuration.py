"""app.toml and genesis documents are read strictly, and every mistake is one plain sentence."""

from pathlib import Path

import pytest

from node import chain_genesis, config


def write(home: Path, text: str) -> Path:
    """A home with this app.toml."""
    (home / "app.toml").write_text(text)
    return home


def test_a_minimal_configuration_gets_defaults(tmp_path: Path) -> None:
    """Only the socket has to be named."""
    found = config.load(write(tmp_path, 'abci = "unix:///tmp/x.sock"\n'))
    assert found.abci == "unix:///tmp/x.sock"
    assert found.versions_kept == 100
    assert found.history_blocks == 10_000
    assert found.data == tmp_path / "app"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "abci is missing"),
        ("abci = 5", "abci must be a text|abci is missing"),
        ('abci = "x"\nversions_kept = "many"', "versions_kept must be an integer between 2 and 100000"),
        ('abci = "x"\nhistory_blocks = -1', "history_blocks must be an integer between 0 and"),
        ('abci = "x"\nversions_kept = 1', "versions_kept must be an integer"),
        ('abci = "x"\nprises = "manual"', "prises is not a known key"),
        ("abci = ", "is not valid TOML"),
    ],
)
def test_mistakes_name_the_key(tmp_path: Path, text: str, sentence: str) -> None:
    """The sentence says which file and which key."""
    with pytest.raises(config.ConfigError, match=sentence) as caught:
        config.load(write(tmp_path, text))
    assert str(tmp_path) in str(caught.value)


def test_a_missing_configuration_says_what_to_do(tmp_path: Path) -> None:
    """With the command that makes one."""
    with pytest.raises(config.ConfigError, match="perpd init"):
        config.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "not valid JSON"),
        ("[]", "must be a JSON object"),
        ('{"a": 1.5}', "1.5 is not an integer"),
        ('{"a": NaN}', "NaN is not an integer"),
        ('{"a": 1, "a": 2}', "'a' stands twice"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_genesis_json_is_strict(text: str, sentence: str) -> None:
    """No floats, no duplicate keys, no surprises from deep nesting."""
    with pytest.raises(chain_genesis.GenesisError, match=sentence):
        chain_genesis.parse(text)


def test_a_whole_engine_genesis_is_read_too(tmp_path: Path) -> None:
    """`app_state` is taken out of a CometBFT genesis document."""
    path = tmp_path / "genesis.json"
    path.write_text('{"chain_id": "x", "app_state": {"bank": {}}}')
    assert chain_genesis.load(path) == {"bank": {}}
    with pytest.raises(chain_genesis.GenesisError, match="cannot be read"):
        chain_genesis.load(tmp_path / "none.json")
