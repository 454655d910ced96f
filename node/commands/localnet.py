"""`perpd localnet`: several validators on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from node import toolchain
from node.localnet import control, create, live, supervisor
from node.localnet.home import CHAIN_ID, VALIDATORS, Home
from node.localnet.journal import Event
from node.output import emit, json_option, progress

home_option = click.option(
    "--home",
    "directory",
    type=click.Path(path_type=Path),
    default=Path(".perpd/localnet"),
    show_default=True,
    help="Where the localnet keeps everything.",
)


@click.group()
def command() -> None:
    """Run several validators on this machine."""


@command.command()
@home_option
@click.option("--validators", type=int, help=f"How many validators a new chain has.  [default: {VALIDATORS}]")
@click.option("--genesis", type=click.Path(path_type=Path), help="State with which a new chain begins.  [default: genesis/localnet.json]")
@click.option(
    "--prices",
    metavar="SPEC",
    help="recorded:FILE[@SPEED], simulated:SEED, scripted:FILE, venues, manual, by commas.  [default: a recorded day, else simulated]",
)
@click.option("--chain-id", help=f"Name of a new chain.  [default: {CHAIN_ID}]")
@click.option("--detach", is_flag=True, help="Return when every node has committed block 2; the network goes on.")
@json_option
def up(
    directory: Path,
    validators: int | None,
    genesis: Path | None,
    prices: str | None,
    chain_id: str | None,
    detach: bool,
    as_json: bool,
) -> None:
    """Start the network, or continue the one that is there. Ctrl-C stops it."""
    home = Home(directory)
    wishes = create.Wishes(validators=validators, genesis=genesis, prices=prices, chain_id=chain_id)
    engine = toolchain.engine(progress)
    with supervisor.locked(home):
        left = control.sweep(home)
        if left:
            progress(f"ended {left} processes that a killed supervisor had left behind")
        create.prepare(home, wishes)
        if not detach:
            _foreground(home, engine, as_json)
            return
    document = control.start_detached(home, engine, progress)
    emit(document, _where(document), as_json)


@command.command()
@home_option
@json_option
def down(directory: Path, as_json: bool) -> None:
    """Stop every process of the network."""
    ran = control.stop(Home(directory))
    emit({"stopped": ran}, "stopped" if ran else "nothing was running", as_json)


@command.command()
@home_option
@json_option
def status(directory: Path, as_json: bool) -> None:
    """Show what runs and how far it is."""
    document = control.status(Home(directory))
    emit(document, _describe(document), as_json)


@command.command()
@home_option
@json_option
def reset(directory: Path, as_json: bool) -> None:
    """Forget the chain, keep the keys; the next `up` begins a new one."""
    home = Home(directory)
    home.load()
    with supervisor.locked(home):
        control.sweep(home)
        create.reset(home)
    emit({"reset": str(home.path)}, "the chain is gone; keys and accounts are kept", as_json)


def _foreground(home: Home, engine: Path, as_json: bool) -> None:
    console = Console(stderr=as_json)

    def listen(event: Event) -> None:
        if not console.is_terminal:
            console.print(event.line(), markup=False, highlight=False, soft_wrap=True)

    async def show(network: supervisor.Supervisor) -> None:
        if as_json:
            await network.published.wait()
            click.echo(json.dumps(json.loads(home.public_file.read_text())))
        await live.watch(network, console)

    supervisor.supervise(home, engine, listen=listen, viewer=show)


def _where(document: dict[str, Any]) -> str:
    rows = [f"  {node['name']}  rpc {node['rpc']}  grpc {node['grpc']}  metrics {node['metrics']}" for node in document["nodes"]]
    accounts = ", ".join(account["name"] for account in document["accounts"])
    home = Path(document["nodes"][0]["home"]).parent
    return "\n".join(
        [
            f"{document['chain_id']} is running",
            *rows,
            f"  funded accounts: {accounts} (addresses and mnemonics in {home}/localnet.json)",
            f"  stop it with: perpd localnet down --home {home}",
        ]
    )


def _describe(document: dict[str, Any]) -> str:
    lines = [f"{document['chain_id']} in {document['home']} {'is running' if document['running'] else 'is not running'}"]
    if document["running"]:
        lines.extend(_describe_node(node) for node in document["nodes"])
        lines.extend(f"  {event}" for event in document["events"][-5:])
    return "\n".join(lines)


def _describe_node(node: dict[str, Any]) -> str:
    said = (
        f"height {node['height']}  app hash {node['app_hash'][:10].lower()}  {node['peers']} peers"
        if node["answers"]
        else "does not answer"
    )
    programs = "  ".join(
        f"{kind} {node[kind]['pid']} (restarted {node[kind]['restarts']}x)" if node[kind] else f"{kind} is down"
        for kind in ("perpd", "cometbft")
    )
    return f"  {node['name']}  {said}  {programs}"
