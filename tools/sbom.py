"""The software bill of materials: CycloneDX JSON of the connector and of everything that it needs to run, from this environment.

The same environment and commit give the same bytes: components are sorted, the time is that of the last commit (``SOURCE_DATE_EPOCH``), and
the serial number is made of the contents.
"""

from __future__ import annotations

import json
import os
import re
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

OURS = "bwconnector"
EXTRAS = ("manhole",)
"""Of the connector: those that an installation may have."""
LOCK = Path(__file__).parent.parent / "requirements" / "lock.txt"


def needed() -> dict[str, tuple[Distribution, set[str]]]:
    """Every distribution that the connector needs, and which others each of them needs, by their names."""
    found: dict[str, tuple[Distribution, set[str]]] = {}
    waiting = [(OURS, frozenset(EXTRAS))]
    done: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in done:
            continue
        done.add((name, extras))
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            raise SystemExit(f"{name} is not installed here: run make sbom, or install the extras {', '.join(EXTRAS)} first") from None
        _, direct = found.setdefault(name, (installed, set()))
        for requirement in requirements(installed, extras):
            other = canonicalize_name(requirement.name)
            direct.add(other)
            waiting.append((other, frozenset(requirement.extras)))
    return found


def requirements(installed: Distribution, extras: frozenset[str]) -> Iterator[Requirement]:
    """Those that hold here, with these extras."""
    for text in installed.requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield requirement


def hashes() -> dict[str, str]:
    """SHA-256 of the wheels in the lock, by name and version."""
    if not LOCK.exists():
        return {}
    return dict(re.findall(r"^(\S+==\S+) --hash=sha256:([0-9a-f]{64})$", LOCK.read_text(encoding="utf-8"), re.M))


def component(name: str, installed: Distribution, known: dict[str, str]) -> dict[str, Any]:
    purl = f"pkg:pypi/{name}@{installed.version}"
    made: dict[str, Any] = {"type": "library", "bom-ref": purl, "name": name, "version": installed.version, "purl": purl}
    metadata = installed.metadata
    if expression := metadata.get("License-Expression"):
        made["licenses"] = [{"expression": expression}]
    elif names := [each.rpartition(" :: ")[2] for each in metadata.get_all("Classifier", ()) if each.startswith("License :: ")]:
        made["licenses"] = [{"license": {"name": each}} for each in sorted(names)]
    if digest := known.get(f"{name}=={installed.version}"):
        made["hashes"] = [{"alg": "SHA-256", "content": digest}]
    return made


def bill(epoch: int) -> dict[str, Any]:
    """The whole document.

    :param epoch: seconds since the epoch of the commit
    """
    found, known = needed(), hashes()
    components = {name: component(name, installed, known) for name, (installed, _) in sorted(found.items())}
    product = {**components.pop(OURS), "type": "application"}
    references = {name: each["bom-ref"] for name, each in {**components, OURS: product}.items()}
    document: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"timestamp": datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "component": product},
        "components": list(components.values()),
        "dependencies": [
            {"ref": references[name], "dependsOn": sorted(references[other] for other in direct)}
            for name, (_, direct) in sorted(found.items())
        ],
    }
    # a name space of its own for what is made of contents
    return {"serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(document, sort_keys=True))}", **document}


def main() -> None:
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if not epoch:
        raise SystemExit("SOURCE_DATE_EPOCH is not set: run make sbom, which takes the time of the last commit")
    json.dump(bill(int(epoch)), sys.stdout, indent=2, sort_keys=True)
    print()


if __name__ == "__main__":
    main()
