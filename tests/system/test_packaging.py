"""The wheel that is built from this tree, installed into an environment of its own: everything is in it, and twistd finds it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

ROOT = Path(__file__).parent.parent.parent


def run(*command: str | Path, environ: Mapping[str, str] = MappingProxyType({}), mask: int = 0o022) -> str:
    """Its output; run far from this tree, whose own packages must not be found."""
    words, env = [str(word) for word in command], {**os.environ, **environ}
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, cwd="/", env=env, umask=mask)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: a build leaves files behind."""
    folder = tmp_path_factory.mktemp("packaging")
    build(copy_of_the_tree(folder), folder)
    (built,) = folder.glob("*.whl")
    return built


def copy_of_the_tree(folder: Path) -> Path:
    """What a wheel is built from."""
    tree = folder / "tree"
    tree.mkdir(parents=True)
    for name in ("setup.py", "pyproject.toml", "MANIFEST.in", "README.rst"):
        shutil.copy(ROOT / name, tree)
    for name in ("bwconnector", "twisted"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__", "dropin.cache"))
    return tree


def build(tree: Path, folder: Path, environ: Mapping[str, str] = MappingProxyType({}), mask: int = 0o022) -> None:
    run(
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, tree),
        environ=environ,
        mask=mask,
    )


def test_the_same_tree_gives_the_same_bytes(tmp_path: Path) -> None:
    """Whenever, wherever, and by whomever it is built."""
    built = []
    for number, mask in enumerate((0o022, 0o027)):
        folder = tmp_path / f"{'x' * number}builder"
        tree = copy_of_the_tree(folder)
        for path in tree.rglob("*"):
            path.chmod(0o777 & ~mask if path.is_dir() else 0o666 & ~mask)
            os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))
        build(tree, folder, {"SOURCE_DATE_EPOCH": "1735689600"}, mask)
        (made,) = folder.glob("*.whl")
        built.append(made.read_bytes())
    assert built[0] == built[1]


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with the wheel installed; what it depends on comes from this environment."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel)
    site_packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    dependencies = folder / "dependencies"
    link_all_but_us(Path(sysconfig.get_path("purelib")), dependencies)
    (site_packages / "dependencies.pth").write_text(f"{dependencies}\n")
    return python


def link_all_but_us(packages: Path, to: Path) -> None:
    """This package may be installed in this environment as well, and must not be found there."""
    to.mkdir()
    for package in packages.iterdir():
        if package.name in ("twisted", "plugins"):
            link_all_but_us(package, to / package.name)
        elif not package.name.startswith(("bwconnector", "dropin.cache")):
            (to / package.name).symlink_to(package)


def test_the_wheel_holds_every_module_and_nothing_of_twisted(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "bwconnector").rglob("*.py")}
    data = {"bwconnector/py.typed", "bwconnector/ops/status.html"}
    assert names == modules | data | {"twisted/plugins/bwconnector_plugin.py"}


def test_twistd_finds_the_installed_plugin(python: Path) -> None:
    origin = run(python, "-c", "import twisted.plugins.bwconnector_plugin as plugin; print(plugin.__file__)")
    assert Path(origin.strip()).is_relative_to(python.parent.parent)
    listed = run(python, "-c", "from twisted.scripts.twistd import run; run()", "--help")
    assert "bwconnector" in listed
    assert "bwsimulator" in listed


def test_its_options_can_be_asked_for(python: Path) -> None:
    assert "--config=" in run(python, "-c", "from twisted.scripts.twistd import run; run()", "bwconnector", "--help")


def test_bwctl_is_a_command(python: Path) -> None:
    bwctl = python.parent / "bwctl"
    assert run(bwctl, "--version").startswith("bwctl ")
    listed = run(bwctl, "--help")
    assert all(command in listed for command in ("check", "watch", "dial", "status"))
