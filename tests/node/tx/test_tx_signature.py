"""SIGN_MODE_DIRECT signatures against the vector of client-surface.md 3.2, and what libsecp256k1 must refuse."""

from hashlib import sha256

import pytest
from bip32 import BIP32
from mnemonic import Mnemonic

from modules.auth.model import address_of_key
from modules.kernel import address as addresses
from node.tx.envelope import Decoder
from node.tx.router import Router
from node.tx.signature import public_key_of, sign, sign_digest, verify
from node.tx.signer import auth_info_bytes, body_bytes, sign_tx
from node.wiring import Wiring
from perpd_proto.cosmos.bank.v1beta1 import tx_pb2 as bank

MNEMONIC = (
    "merge panther lobster crazy road hollow amused security before critic about cliff exhibit cause coyote talent happy where lion "
    "river tobacco option coconut small"
)
ADDRESS = "dydx199tqg4wdlnu4qjlxchpd7seg454937hjrknju4"
PUBLIC_KEY = "034890f87a547c919c81c1fb8a213363d5700985824f08392ec4e373fab55f049c"
BODY = (
    "0a88010a1c2f636f736d6f732e62616e6b2e763162657461312e4d736753656e6412680a2b647964783139397471673477646c6e7534716a6c78636870643773656734"
    "3534393337686a726b6e6a7534122b647964783139397471673477646c6e7534716a6c786368706437736567343534393337686a726b6e6a75341a0c0a076164763474"
    "6e7412013512016d"
)
AUTH_INFO = (
    "0a500a460a1f2f636f736d6f732e63727970746f2e736563703235366b312e5075624b657912230a21034890f87a547c919c81c1fb8a213363d5700985824f08392ec4"
    "e373fab55f049c12040a020801180312120a0c0a0761647634746e7412013110c09a0c"
)
DIGEST = "4ea0ded3afa0962912d90c4fb9260858e251fdc4196989be4bbd32a163049856"
SIGNATURE = (
    "886efb72414ed99539eecfb957a956851742bc471fa0de934339758f97d0cc37077e0b82def13fd7136813896da1292e391488a05bf1dedcc2cf6c1b9fdfb78d"
)
TX_HASH = "00CB8B8CA24EDE61281CDE082A30FFBDA83563184702A3FE6E4224144A0A1871"
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture(scope="module")
def private_key() -> bytes:
    """The key of the public mnemonic at m/44'/118'/0'/0/0."""
    key: bytes = BIP32.from_seed(Mnemonic.to_seed(MNEMONIC)).get_privkey_from_path("m/44'/118'/0'/0/0")
    return key


def send_to_self() -> bank.MsgSend:
    """The message of the vector."""
    message = bank.MsgSend(from_address=ADDRESS, to_address=ADDRESS)
    message.amount.add(denom="adv4tnt", amount="5")
    return message


def test_key_and_address_are_those_of_the_vector(private_key: bytes) -> None:
    """BIP-39 seed, BIP-44 path, compressed key, RIPEMD-160 of SHA-256, bech32."""
    public_key = public_key_of(private_key)
    assert public_key.hex() == PUBLIC_KEY
    assert addresses.to_text(address_of_key(public_key)) == ADDRESS


def test_our_signer_builds_the_vector_byte_for_byte(private_key: bytes) -> None:
    """Body, auth info, digest, signature and hash."""
    body = body_bytes([send_to_self()], memo="m")
    auth_info = auth_info_bytes(bytes.fromhex(PUBLIC_KEY), 3, fee=[("adv4tnt", 1)], gas_limit=200_000)
    assert body.hex() == BODY
    assert auth_info.hex() == AUTH_INFO
    raw = sign_tx(
        private_key,
        [send_to_self()],
        account_number=7,
        sequence=3,
        chain_id="localdydxprotocol",
        fee=[("adv4tnt", 1)],
        gas_limit=200_000,
        memo="m",
    )
    assert sign_digest(raw[:-66], "localdydxprotocol", 7).hex() == DIGEST
    assert raw[-64:].hex() == SIGNATURE
    assert sha256(raw).hexdigest().upper() == TX_HASH


def test_the_vector_decodes_and_verifies(private_key: bytes) -> None:
    """Under its account number and chain id, and under no other."""
    raw = sign_tx(
        private_key,
        [send_to_self()],
        account_number=7,
        sequence=3,
        chain_id="localdydxprotocol",
        fee=[("adv4tnt", 1)],
        gas_limit=200_000,
        memo="m",
    )
    tx = Decoder(Router(Wiring().messages)).decode(raw)
    assert tx.hash.hex().upper() == TX_HASH
    assert (tx.sequence, tx.gas_limit, tx.memo, tx.fee()) == (3, 200_000, "m", (("adv4tnt", 1),))
    assert addresses.to_text(tx.signer) == ADDRESS
    assert tx.public_key.hex() == PUBLIC_KEY
    assert not tx.has_foreign_key
    assert not tx.is_signed_by(tx.public_key, 8, "localdydxprotocol")
    assert not tx.is_signed_by(tx.public_key, 7, "localdydxprotoco")
    assert tx.verified is None
    assert tx.is_signed_by(tx.public_key, 7, "localdydxprotocol")
    assert tx.verified == (7, tx.public_key)


def test_account_number_zero_is_left_out_of_the_sign_document() -> None:
    """Default values are omitted: field 4 is absent, not zero."""
    assert sign_digest(b"\x0a\x01a\x12\x01b", "x", 0) == sha256(b"\x0a\x01a\x12\x01b\x1a\x01x").digest()
    assert sign_digest(b"\x0a\x01a\x12\x01b", "x", 300) == sha256(b"\x0a\x01a\x12\x01b\x1a\x01x\x20\xac\x02").digest()


def test_the_high_twin_of_a_signature_is_invalid() -> None:
    """(R, n − S) satisfies the curve's equation and must be refused, or anyone could give a transaction a second hash."""
    digest = bytes.fromhex(DIGEST)
    signature = bytes.fromhex(SIGNATURE)
    assert verify(bytes.fromhex(PUBLIC_KEY), digest, signature)
    high = signature[:32] + (CURVE_ORDER - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")
    assert not verify(bytes.fromhex(PUBLIC_KEY), digest, high)


@pytest.mark.parametrize(
    ("public_key", "digest", "signature"),
    [
        ("", DIGEST, SIGNATURE),
        ("02" + PUBLIC_KEY[2:], DIGEST, SIGNATURE),
        ("05" + PUBLIC_KEY[2:], DIGEST, SIGNATURE),
        ("02" + "ff" * 32, DIGEST, SIGNATURE),
        (PUBLIC_KEY, DIGEST[2:], SIGNATURE),
        (PUBLIC_KEY, "00" + DIGEST[2:], SIGNATURE),
        (PUBLIC_KEY, DIGEST, SIGNATURE[2:]),
        (PUBLIC_KEY, DIGEST, SIGNATURE + "00"),
        (PUBLIC_KEY, DIGEST, "00" * 64),
        (PUBLIC_KEY, DIGEST, "ff" * 64),
    ],
)
def test_what_is_not_a_valid_signature_is_false_never_an_error(public_key: str, digest: str, signature: str) -> None:
    """Wrong keys, points that do not exist, wrong lengths, values out of range."""
    assert not verify(bytes.fromhex(public_key), bytes.fromhex(digest), bytes.fromhex(signature))


@pytest.mark.parametrize("key", [b"", bytes(32), b"\xff" * 32, b"\x01" * 31])
def test_what_is_no_private_key_cannot_sign(key: bytes) -> None:
    """Zero, above the order, wrong length."""
    with pytest.raises(ValueError, match="a private key is 32 bytes"):
        sign(key, bytes(32))
    with pytest.raises(ValueError, match="a private key is 32 bytes"):
        public_key_of(key)
