from __future__ import annotations

import subprocess
import sys

import pytest

CORES = ("errors", "events", "parse", "stream", "requests", "answers", "ordering", "http1")


@pytest.mark.parametrize("module", CORES)
def test_wire_cores_load_without_twisted(module: str) -> None:
    program = (
        f"import sys, bwconnector.xsi.{module}; print([name for name in sys.modules if name.partition('.')[0] in ('twisted', 'treq')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
