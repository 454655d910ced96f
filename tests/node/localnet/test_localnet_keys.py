import base64
import json

import pytest
from coincurve import PrivateKey

from node.failure import Failure
from node.localnet import keys
from node.localnet.keys import EngineKey

PUBLIC_MNEMONIC = (
    "merge panther lobster crazy road hollow amused security before critic about cliff exhibit cause coyote talent happy where lion river"
    " tobacco option coconut small"
)
SEED = bytes(range(32))


def test_mnemonic_gives_the_address_that_every_client_derives() -> None:
    """The published vector: m/44'/118'/0'/0/0, RIPEMD-160 of SHA-256, bech32."""
    public = keys.public_key(PUBLIC_MNEMONIC)
    assert public.hex() == "034890f87a547c919c81c1fb8a213363d5700985824f08392ec4e373fab55f049c"
    assert keys.address_of(public) == "dydx199tqg4wdlnu4qjlxchpd7seg454937hjrknju4"


def test_secret_key_belongs_to_the_public_key() -> None:
    """Whoever signs with it is the account."""
    assert PrivateKey(keys.secret_key(PUBLIC_MNEMONIC)).public_key.format() == keys.public_key(PUBLIC_MNEMONIC)


def test_new_accounts_have_a_valid_mnemonic_of_24_words_of_their_own() -> None:
    """Two are never alike, and the address is the mnemonic's."""
    first, second = keys.new_account("a", "perp"), keys.new_account("b", "perp")
    assert first.mnemonic != second.mnemonic
    assert len(first.mnemonic.split()) == 24
    assert keys.is_mnemonic(first.mnemonic)
    assert first.address == keys.address_of(keys.public_key(first.mnemonic), "perp")
    assert first.address.startswith("perp1")


def test_a_wrong_word_is_no_mnemonic() -> None:
    """The checksum finds it."""
    assert not keys.is_mnemonic(PUBLIC_MNEMONIC.replace("small", "merge"))


def test_validator_address_is_the_engines() -> None:
    """The published vector of an ed25519 seed 00 01 … 1f."""
    key = EngineKey.from_seed(SEED)
    assert key.public.hex() == "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
    assert key.address.hex() == "56475aa75463474c0285df5dbf2bcab73da65135"


def test_key_files_have_the_engines_format_and_read_back() -> None:
    """Private keys are seed and public key together, base64; addresses are upper hex."""
    key = EngineKey.from_seed(SEED)
    document = json.loads(key.validator_file())
    assert document["address"] == "56475AA75463474C0285DF5DBF2BCAB73DA65135"
    assert document["pub_key"]["type"] == "tendermint/PubKeyEd25519"
    assert document["priv_key"]["type"] == "tendermint/PrivKeyEd25519"
    assert base64.b64decode(document["priv_key"]["value"]) == SEED + key.public
    assert EngineKey.from_file(key.validator_file()) == EngineKey.from_file(key.node_file()) == key


@pytest.mark.parametrize("text", ["", "{}", '{"priv_key": {"value": "AAAA"}}', '{"priv_key": {"value": "!"}}'])
def test_damaged_key_file_is_one_plain_sentence(text: str) -> None:
    """Never a traceback, never another key."""
    with pytest.raises(Failure, match="key file of the engine is damaged"):
        EngineKey.from_file(text)


def test_key_file_with_a_foreign_public_key_is_refused() -> None:
    """Half of one key and half of another."""
    value = base64.b64encode(SEED + bytes(32)).decode()
    with pytest.raises(Failure, match="does not belong"):
        EngineKey.from_file(json.dumps({"priv_key": {"value": value}}))
