"""The lock, the bill of materials, and what is said of known vulnerabilities."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools import audit, lock, sbom

ROOT = Path(__file__).parent.parent
LOCK = (ROOT / "requirements" / "lock.txt").read_text(encoding="utf-8")


def locked() -> dict[str, str]:
    """Versions by name."""
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+) --hash=sha256:[0-9a-f]{64}$", LOCK, re.M))


def wanted(*keywords: str) -> list[Requirement]:
    """What setup.py asks for; the fuzzer aside, which no test needs."""
    tree = ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))
    return [
        Requirement(text.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg in keywords
        for text in ast.walk(node.value)
        if isinstance(text, ast.Constant) and isinstance(text.value, str) and text.value not in ("manhole", "dev", "fuzz")
        if not text.value.startswith("atheris")
    ]


def test_the_lock_has_all_that_is_asked_for_and_permitted() -> None:
    asked = wanted("install_requires", "extras_require")
    assert len(asked) > 20
    for requirement in asked:
        assert locked()[canonicalize_name(requirement.name)] in requirement.specifier, requirement


def test_every_line_of_the_lock_has_a_hash_and_no_place() -> None:
    head, *rest = LOCK.splitlines()
    assert head.startswith("# For CPython 3.")
    assert len(locked()) == len(rest)
    assert list(locked()) == sorted(locked())
    assert "://" not in LOCK and "index" not in LOCK and "@" not in LOCK


def test_what_runs_has_bounds_on_both_sides() -> None:
    for requirement in wanted("install_requires"):
        assert {each.operator for each in requirement.specifier} == {">=", "<"}, requirement


def test_a_lock_is_made_of_what_pip_reports() -> None:
    def item(name: str, version: str, digest: str) -> dict[str, Any]:
        archive = {"hashes": {"sha256": digest}, "hash": f"sha256={digest}"}
        return {
            "metadata": {"name": name, "version": version},
            "download_info": {"url": f"https://registry.example.net/{name}", "archive_info": archive},
        }

    report = {"install": [item("Zope_Thing", "2", "b"), {"metadata": {"name": "bwconnector", "version": "0"}}, item("attrs", "1", "a")]}
    assert lock.lines(report)[1:] == ["attrs==1 --hash=sha256:a", "zope-thing==2 --hash=sha256:b"]


def made() -> str:
    """A bill of materials, by a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.sbom"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={"SOURCE_DATE_EPOCH": "1735689600", "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "random"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_bill_of_materials_is_the_same_each_time() -> None:
    assert made() == made()


def test_the_bill_of_materials_has_what_runs_and_nothing_of_development() -> None:
    bill = json.loads(made())
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", bill["serialNumber"])
    assert bill["metadata"]["timestamp"] == "2025-01-01T00:00:00Z"
    assert bill["metadata"]["component"]["name"] == "bwconnector"
    names = [component["name"] for component in bill["components"]]
    assert names == sorted(names)
    assert {canonicalize_name(requirement.name) for requirement in wanted("install_requires")} <= set(names)
    assert {"cryptography", "pyopenssl", "service-identity", "bcrypt"} <= set(names)  # by the extras of Twisted
    assert not {"pytest", "mypy", "ruff", "hypothesis"} & set(names)
    for component in bill["components"]:
        assert component["version"] == version(component["name"])
        assert component["purl"] == component["bom-ref"] == f"pkg:pypi/{component['name']}@{component['version']}"
    references = {component["bom-ref"] for component in (*bill["components"], bill["metadata"]["component"])}
    assert {each["ref"] for each in bill["dependencies"]} == references
    assert all(other in references for each in bill["dependencies"] for other in each["dependsOn"])


def test_a_time_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    with pytest.raises(SystemExit, match="SOURCE_DATE_EPOCH is not set"):
        sbom.main()


CLEAN = {"dependencies": [{"name": "attrs", "version": "1", "vulns": []}]}
BAD = {"dependencies": [{"name": "attrs", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}]}
SKIPPED = {"dependencies": [{"name": "attrs", "skip_reason": "could not be found"}, {"name": "lxml", "version": "1", "vulns": []}]}
NONE = {"dependencies": SKIPPED["dependencies"][:1]}


@pytest.mark.parametrize(
    ("output", "errors", "code", "says"),
    [
        (json.dumps(CLEAN), "", 0, "No known vulnerability in 1 packages."),
        (json.dumps(BAD), "Found 1", 1, "attrs 1: PYSEC-1, repaired in 2"),
        (json.dumps(SKIPPED), "", 2, "attrs: not looked up: could not be found"),
        (json.dumps(NONE), "", 2, "knows none of the 1 packages, so it is none: nothing is known"),
        ("", "...\nConnectionError: no route", 2, "could not be asked, so nothing is known: ConnectionError: no route"),
        ("", "", 2, "it says nothing"),
    ],
)
def test_that_nothing_is_known_is_not_taken_for_good_news(output: str, errors: str, code: int, says: str) -> None:
    found, lines = audit.verdict(output, errors)
    assert found == code
    assert says in "\n".join(lines)
