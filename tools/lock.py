"""The lock file: the exact version and the hash of everything that development and the running connector need.

``python -m tools.lock`` writes it anew, from what pip would install today from wherever it is configured to look; ``--check`` says whether
it is for this interpreter. Wheels differ between platforms, and so do their hashes: the lock is for the platform that its first line names.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements" / "lock.txt"
OURS = "bwconnector"


def this_platform() -> str:
    """What wheels are made for, as the lock's first line has it."""
    version = ".".join(platform.python_version_tuple()[:2])
    return f"{platform.python_implementation()} {version} on {platform.system()} {platform.machine()}"


def lines(report: dict[str, Any]) -> list[str]:
    """The lock, of a report of pip's. It names no place: where packages come from is a matter of pip's own configuration."""
    found = {}
    for item in report["install"]:
        name, version = re.sub(r"[-_.]+", "-", item["metadata"]["name"]).lower(), item["metadata"]["version"]
        if name != OURS:
            found[name] = f"{name}=={version} --hash=sha256:{item['download_info']['archive_info']['hashes']['sha256']}"
    return [f"# For {this_platform()}. Written by: make lock", *(found[name] for name in sorted(found))]


def resolve() -> dict[str, Any]:
    """What pip would install into an empty environment."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report", "-", f"{ROOT}[dev]"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def fits() -> bool:
    """Whether the lock is for this interpreter on this machine."""
    return LOCK.exists() and LOCK.read_text(encoding="utf-8").startswith(f"# For {this_platform()}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="exit code 0 if the lock is for this interpreter")
    if parser.parse_args().check:
        sys.exit(not fits())
    LOCK.parent.mkdir(exist_ok=True)
    LOCK.write_text("\n".join(lines(resolve())) + "\n", encoding="utf-8")
    print(f"{LOCK.relative_to(ROOT)} is for {this_platform()}")


if __name__ == "__main__":
    main()
