"""Known vulnerabilities of what the lock names, as far as a vulnerability service can be asked.

The argument is the program ``pip-audit``. Exit code 0: the service was asked and knows none. 1: it knows some, or the environment does not
fit together. 2: it could not be asked, so that nothing is known.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).parent.parent / "requirements" / "lock.txt"
CLEAN, VULNERABLE, UNKNOWN = 0, 1, 2


def verdict(output: str, errors: str) -> tuple[int, list[str]]:
    """Exit code and what to say, of what pip-audit has written."""
    try:
        found = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        why = errors.strip().splitlines()[-1:] or ["it says nothing"]
        return UNKNOWN, [
            f"The vulnerability service could not be asked, so nothing is known: {why[0]}",
            "Run make audit where it can be reached.",
        ]
    skipped = [f"{each['name']}: not looked up: {each['skip_reason']}" for each in found if "skip_reason" in each]
    known = [
        f"{each['name']} {each['version']}: {one['id']}, repaired in {', '.join(one['fix_versions']) or 'no version yet'}"
        for each in found
        for one in each.get("vulns", ())
    ]
    if known:
        return VULNERABLE, [*known, *skipped]
    if len(skipped) == len(found):
        return UNKNOWN, [
            f"The vulnerability service knows none of the {len(found)} packages, so it is none: nothing is known.",
            *skipped[:1],
        ]
    if skipped:
        return UNKNOWN, skipped
    return CLEAN, [f"No known vulnerability in {len(found)} packages."]


def main() -> None:
    fits = subprocess.run([sys.executable, "-m", "pip", "check"], text=True, stdout=subprocess.PIPE)
    if fits.returncode:
        print(fits.stdout, end="")
        sys.exit(VULNERABLE)
    # a program of an environment of its own: what it needs is not what the connector needs
    command = [sys.argv[1], "--requirement", str(LOCK), "--disable-pip", "--format", "json", "--progress-spinner", "off", "--timeout", "15"]
    done = subprocess.run(command, text=True, capture_output=True)
    code, lines = verdict(done.stdout, done.stderr)
    print("\n".join(lines))
    sys.exit(code)


if __name__ == "__main__":
    main()
