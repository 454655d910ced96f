"""The genesis document of CometBFT around the chain's own state."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from node import chain_genesis
from node.failure import Failure
from node.localnet.keys import Account, EngineKey

APP_VERSION = 1
EVIDENCE_MAX_AGE_BLOCKS = 1_000_000  # about two and a half days at four to five blocks a second
EVIDENCE_MAX_AGE_NANOSECONDS = 48 * 3600 * 10**9
FAUCET_QUOTE_AMOUNT = 10_000_000 * 10**6
"""What each account gets of the quote denomination (the first of `bank.denoms`): ten million USDC."""
FAUCET_OTHER_AMOUNT = 1_000_000 * 10**18
"""What each account gets of every other denomination."""
ACCOUNT_NAMES = ("faucet", "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan")


def fund(app_state: Mapping[str, Any], accounts: Sequence[Account]) -> dict[str, Any]:
    """The same state in which each account holds FAUCET_QUOTE_AMOUNT and FAUCET_OTHER_AMOUNT of the denominations in `bank.denoms`,
    as additional entries of `bank.balances`. Raises Failure if the state lists no denominations.
    """
    bank = app_state.get("bank")
    denoms = bank.get("denoms") if isinstance(bank, dict) else None
    if not isinstance(bank, dict) or not isinstance(denoms, list) or not denoms:
        raise Failure("the genesis has no list bank.denoms, so the accounts of the localnet cannot be funded.")
    coins = [{"denom": denom, "amount": str(FAUCET_OTHER_AMOUNT if place else FAUCET_QUOTE_AMOUNT)} for place, denom in enumerate(denoms)]
    entries = [{"address": account.address, "coins": coins} for account in accounts]
    return {**app_state, "bank": {**bank, "balances": [*bank.get("balances", []), *entries]}}


def name_authority(app_state: Mapping[str, Any], address: str) -> dict[str, Any]:
    """The same state with that account as the authority, if it names none."""
    section = app_state.get("authority")
    named = section.get("address") if isinstance(section, dict) else None
    return {**app_state, "authority": {"address": named or address}}


def needs_signers(app_state: Mapping[str, Any]) -> bool:
    """Whether a market of this genesis takes signed prices, and nobody is named who signs them."""
    section = app_state.get("oracle")
    if not isinstance(section, dict):
        return False
    markets, pull = section.get("markets"), section.get("pull")
    rows = [row for row in markets if isinstance(row, dict)] if isinstance(markets, list) else []
    takes = any("PULL" in (row.get("sources") or ()) for row in rows)
    return takes and not (isinstance(pull, dict) and pull.get("signer_sets"))


def name_signers(app_state: Mapping[str, Any], signer_set: Mapping[str, Any]) -> dict[str, Any]:
    """The same state with this one set."""
    section = app_state["oracle"]
    return {**app_state, "oracle": {**section, "pull": {**section.get("pull", {}), "signer_sets": [dict(signer_set)]}}}


def address_prefix(app_state: Mapping[str, Any]) -> str:
    """The human-readable part of the chain's addresses."""
    section = app_state.get("consensus")
    prefix = section.get("bech32_prefix", "dydx") if isinstance(section, dict) else "dydx"
    return prefix if isinstance(prefix, str) else "dydx"


def engine_genesis(
    chain_id: str, validators: Sequence[tuple[str, EngineKey]], app_state: Mapping[str, Any], created_seconds: int
) -> dict[str, Any]:
    """CometBFT's genesis.json: all validators with power 10, no engine limit on blocks, vote extensions from the beginning, which is
    height 1 or, with the state of an export, the one after its last block.
    """
    height, earliest_ns = chain_genesis.beginning(app_state)
    begins_seconds = max(created_seconds, -(-earliest_ns // 10**9))
    return {
        "genesis_time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begins_seconds)),
        "chain_id": chain_id,
        "initial_height": str(height),
        "consensus_params": {
            "block": {"max_bytes": "-1", "max_gas": "-1"},
            "evidence": {
                "max_age_num_blocks": str(EVIDENCE_MAX_AGE_BLOCKS),
                "max_age_duration": str(EVIDENCE_MAX_AGE_NANOSECONDS),
                "max_bytes": "1048576",
            },
            "validator": {"pub_key_types": ["ed25519"]},
            "version": {"app": str(APP_VERSION)},
            "abci": {"vote_extensions_enable_height": "1"},
        },
        "validators": [
            {"address": key.address.hex().upper(), "pub_key": key.public_json(), "power": "10", "name": name} for name, key in validators
        ],
        "app_hash": "",
        "app_state": app_state,
    }


def to_text(document: Mapping[str, Any]) -> str:
    """The text of a genesis file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
