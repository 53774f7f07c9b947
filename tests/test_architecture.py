"""The rules of the house: who may import whom, what loads without a reactor, how long a module may be, and that all of it is packaged."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "bwconnector"
LONGEST = 450

MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in sorted(PACKAGE.rglob("*.py"))}

MAY_IMPORT = {
    "bwconnector.csta": {"bwconnector.csta"},
    "bwconnector.xsi": {"bwconnector.xsi"},
    "bwconnector.bridge": {"bwconnector.bridge", "bwconnector.csta", "bwconnector.xsi"},
    "bwconnector.simulator": {"bwconnector.simulator"},
}
"""What each ring may import of this project. The simulator shares nothing with xsi: a misreading must not hide in both ends."""

IMPORTED_BY = {
    "bwconnector.ops": {"bwconnector.ops", "bwconnector.service", "bwconnector.tap", "bwconnector.ctl"},
    "bwconnector.simulator": {"bwconnector.simulator", "bwconnector.config", "bwconnector.options", "bwconnector.service"},
    "bwconnector.ctl": set(),
    "bwconnector.tap": set(),
}
"""Leaves: who alone may import them."""

XSI_CORE = {f"bwconnector.xsi.{name}" for name in ("answers", "errors", "events", "parse", "requests", "stream")}
"""The modules of the BroadWorks wire that know no sockets; the others are the shells around them."""

CORES = [
    name
    for name in MODULES
    if (name.startswith(("bwconnector.bridge", "bwconnector.csta")) and name != "bwconnector.csta.link") or name in XSI_CORE
]
"""What must do without Twisted's reactor."""


def belongs(module: str, packages: set[str]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def imports(path: Path) -> Iterator[str]:
    """The modules that a file imports, wherever in it; ``from a import b`` gives ``a`` and ``a.b``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(path: Path) -> set[str]:
    """Modules of this project that a file imports, without the package itself (it holds the version)."""
    return {name for name in imports(path) if name in MODULES and name != "bwconnector"}


@pytest.mark.parametrize("ring", MAY_IMPORT)
def test_a_ring_imports_only_what_it_may(ring: str) -> None:
    wrong = {
        f"{name} imports {imported}"
        for name, path in MODULES.items()
        if belongs(name, {ring})
        for imported in own_imports(path)
        if not belongs(imported, MAY_IMPORT[ring])
    }
    assert not wrong


@pytest.mark.parametrize("leaf", IMPORTED_BY)
def test_nothing_depends_on_a_leaf(leaf: str) -> None:
    wrong = {
        f"{name} imports {imported}"
        for name, path in MODULES.items()
        if not belongs(name, IMPORTED_BY[leaf])
        for imported in own_imports(path)
        if belongs(imported, {leaf})
    }
    assert not wrong


def test_only_tap_modules_know_the_reactor() -> None:
    wrong = {name for name, path in MODULES.items() if path.name != "tap.py" and "twisted.internet.reactor" in imports(path)}
    assert not wrong


def test_wire_cores_and_bridge_load_without_a_reactor() -> None:
    program = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        "    loaded = [module for module in sys.modules if module.startswith('twisted.internet')]\n"
        "    if loaded: sys.exit(f'{name} loads {loaded[0]}')\n"
    )
    done = subprocess.run([sys.executable, "-c", program, *CORES], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", MODULES)
def test_modules_are_short(name: str) -> None:
    assert len(MODULES[name].read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("name", MODULES)
def test_modules_say_what_they_are_for(name: str) -> None:
    assert ast.get_docstring(ast.parse(MODULES[name].read_text(encoding="utf-8")))


def test_setup_lists_every_package() -> None:
    tree = ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))
    (listed,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "PACKAGES"
    )
    packages = {".".join(path.parent.relative_to(ROOT).parts) for path in PACKAGE.rglob("__init__.py")}
    assert set(listed) == packages | {"twisted.plugins"}


def test_the_plugin_directory_belongs_to_twisted() -> None:
    """A file of our own called ``__init__.py`` would take the place of Twisted's."""
    assert [path.name for path in sorted((ROOT / "twisted").rglob("*.py"))] == ["bwconnector_plugin.py"]
