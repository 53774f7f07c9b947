"""The simulator shares no code with what is tested against it, and its switch knows of no network."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import bwconnector.simulator

PACKAGE = Path(bwconnector.simulator.__file__).parent
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py"))
PURE = ("calls", "config", "directory", "faults", "legs", "model", "packages", "reading", "render", "routes", "services", "switch")


@pytest.mark.parametrize("module", MODULES)
def test_nothing_of_the_rest_of_the_project_is_imported(module: str) -> None:
    tree = ast.parse((PACKAGE / f"{module}.py").read_text())
    names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert not [name for name in names if name.startswith("bwconnector") and not name.startswith("bwconnector.simulator")]
    assert "lxml" not in {name.partition(".")[0] for name in names}


def test_the_switch_and_all_that_is_pure_load_without_twisted() -> None:
    imports = "; ".join(f"import bwconnector.simulator.{module}" for module in PURE)
    check = f"import sys; {imports}; sys.exit('twisted' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], cwd=PACKAGE.parents[1], check=False).returncode == 0
