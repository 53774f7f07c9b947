"""The documents say what the code does, where that can be compared."""

from __future__ import annotations

import re
from pathlib import Path

from bwconnector.bridge.policy import ROWS
from bwconnector.ops.inspection import Inspection
from bwconnector.ops.metrics import Metrics

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def test_every_policy_row_is_documented_with_its_values() -> None:
    entries = re.split(r"^   \* - ", (DOCS / "policy.rst").read_text(encoding="utf-8"), flags=re.M)
    documented = {}
    for entry in entries:
        if found := re.match(r"``(P-\w+)``\n     - (\d+|``\"(.*?)\"``)", entry):
            values = tuple(re.findall(r"``\"(.*?)\"``", entry))
            documented[found[1]] = (int(found[2]) if found[2].isdecimal() else found[3], values)
    assert documented == {code: (row.default, row.choices) for code, row in ROWS.items()}


def test_every_metric_is_documented() -> None:
    metrics = Metrics(lambda: Inspection(version="", started=0, now=0, system_status="normal"))
    names = {family.name + "_total" * (family.type == "counter") for family in metrics.collect()}
    documented = set(re.findall(r"``(bwconnector_\w+)``", (DOCS / "operations.rst").read_text(encoding="utf-8")))
    assert documented == names


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.rst").read_text(encoding="utf-8")
    assert all(f"``bwctl {command} " in readme for command in ("check", "watch", "dial", "status"))
    assert len(readme.splitlines()) <= 150


def test_links_between_documents_lead_somewhere() -> None:
    for document in [ROOT / "README.rst", *DOCS.glob("*.rst")]:
        for target in re.findall(r"<([\w./-]+\.(?:rst|toml))>`_", document.read_text(encoding="utf-8")):
            assert (document.parent / target).is_file(), f"{document}: {target}"
