"""The configuration files of one node: `config/config.toml` for CometBFT, `app.toml` for `perpd start`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from node.localnet.addresses import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What sets the block interval of a localnet on one machine."""

    timeout_commit: str = "150ms"
    """From +2/3 precommits to the next height. Executing the block happens inside; the interval is about 30 ms longer."""
    peer_gossip_sleep: str = "5ms"
    flush_throttle: str = "10ms"


def engine_config(moniker: str, socket: Path, endpoint: Endpoint, peers: Sequence[str], pace: Pace | None = None) -> str:
    """The text of config.toml. `peers` are the other nodes as `id@host:port`. Keys left out have the engine's defaults."""
    pace = pace or Pace()
    return f"""\
# Written by `perpd localnet up` at every start; changes made here are lost.
moniker = {_quoted(moniker)}
proxy_app = {_quoted(f"unix://{socket}")}
abci = "socket"
log_level = "error"
log_format = "plain"
db_backend = "goleveldb"
filter_peers = false

[rpc]
laddr = {_quoted(f"tcp://{endpoint.at('rpc')}")}
cors_allowed_origins = ["*"]
max_open_connections = 900
max_subscription_clients = 200
max_subscriptions_per_client = 20
timeout_broadcast_tx_commit = "10s"
pprof_laddr = ""

[p2p]
laddr = {_quoted(f"tcp://{endpoint.at('p2p')}")}
persistent_peers = {_quoted(",".join(peers))}
persistent_peers_max_dial_period = "1s"
pex = false
addr_book_strict = false
allow_duplicate_ip = true
flush_throttle_timeout = {_quoted(pace.flush_throttle)}
max_packet_msg_payload_size = 10240
send_rate = 20480000
recv_rate = 20480000

[mempool]
type = "flood"
recheck = true
recheck_timeout = "500ms"
broadcast = true
size = 3000
max_txs_bytes = 16777216
cache_size = 20000
max_tx_bytes = 65536
keep-invalid-txs-in-cache = false

[consensus]
timeout_propose = "1s"
timeout_propose_delta = "250ms"
timeout_prevote = "300ms"
timeout_prevote_delta = "150ms"
timeout_precommit = "300ms"
timeout_precommit_delta = "150ms"
timeout_commit = {_quoted(pace.timeout_commit)}
skip_timeout_commit = false
create_empty_blocks = true
create_empty_blocks_interval = "0s"
peer_gossip_sleep_duration = {_quoted(pace.peer_gossip_sleep)}
peer_query_maj23_sleep_duration = "500ms"
double_sign_check_height = 0

[storage]
discard_abci_responses = false

[tx_index]
indexer = "kv"

[instrumentation]
prometheus = true
prometheus_listen_addr = {_quoted(endpoint.at("engine_metrics"))}
namespace = "cometbft"
"""


def app_config(socket: Path, endpoint: Endpoint, prices: str, prices_override: Path, validator_index: int) -> str:
    """The text of app.toml, as node/config.py reads it."""
    return f"""\
# Written by `perpd localnet up` at every start; changes made here are lost.
abci = {_quoted(f"unix://{socket}")}
grpc = {_quoted(endpoint.at("grpc"))}
metrics = {_quoted(endpoint.at("metrics"))}
engine_rpc = {_quoted(f"http://{endpoint.at('rpc')}")}
prices = {_quoted(prices)}
prices_override = {_quoted(str(prices_override))}
validator_index = {validator_index}
log_level = "info"
versions_kept = 100
"""


def _quoted(text: str) -> str:
    """A TOML basic string: JSON escapes the same characters, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
