"""Coverage-guided fuzzing of everything that reads what others send, with atheris: how many inputs were tried, and which broke a promise.

Each target of :mod:`tests.fuzz.targets` has a process of its own and its part of the time. It begins with what :mod:`tests.fuzz.seeds`
has. The exit status is 1 if an input was found that breaks something; it is then in a file, for a test of its own. With ``--keep`` inputs
that reach what none before reached are added to the corpus, with which tests and the next run begin.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# Nothing of the package is imported here, or it would not be instrumented.
CORPUS = Path(__file__).parent / "corpus"
WORDS = Path(__file__).parent / "words.dict"
LONGEST = 2048
"""Bytes of an input."""
SMALL = 160
"""Bytes of one that is kept."""
SLOWEST = 5
"""Seconds that an input may take: only what is not linear needs so long for so few bytes."""


def run(target: str, seconds: int, folder: Path) -> tuple[int, str]:
    """Fuzz one target; the number of inputs that were tried, and what was found, if anything."""
    corpus = folder / target
    corpus.mkdir()
    command = [sys.executable, "-m", "tests.fuzz", "--only", target, "--seconds", str(seconds), "--corpus", str(corpus)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    runs = [int(count) for count in re.findall(r"(?:Done |^#)(\d+)(?: runs|\t)", done.stderr, re.M)]
    return max(runs, default=0), "" if done.returncode == 0 else done.stdout[-3000:] + done.stderr[-3000:]


def keep(target: str, folder: Path) -> None:
    """Add to the corpus what reached more, as long as it is small."""
    (CORPUS / target).mkdir(exist_ok=True)
    for found in (folder / target).iterdir():
        if found.stat().st_size <= SMALL and not found.name.startswith(("seed-", "crash-", "timeout-")):
            shutil.copy(found, CORPUS / target)


def fuzz(target: str, seconds: int, corpus: str) -> None:
    """Fuzz in this process, which ends with it."""
    import atheris  # type: ignore[import-untyped,unused-ignore]

    with atheris.instrument_imports(include=["bwconnector"], enable_loader_override=False):
        from tests.fuzz.seeds import seeds
        from tests.fuzz.targets import TARGETS

    for number, seed in enumerate(seeds(target)):
        (Path(corpus) / f"seed-{number:03}").write_bytes(seed)
    options = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-timeout={SLOWEST}", f"-dict={WORDS}", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={corpus}/", corpus], TARGETS[target])
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--seconds", type=int, default=120, help="for all targets together")
    parser.add_argument("--target", action="append", help="only this one; may be given several times")
    parser.add_argument("--keep", action="store_true", help="add inputs that reach something new to the corpus")
    for internal in ("--only", "--corpus"):
        parser.add_argument(internal, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        fuzz(options.only, options.seconds, options.corpus)
        return 0
    try:
        import atheris  # type: ignore[import-untyped,unused-ignore] # noqa: F401
    except ImportError:
        sys.stderr.write("atheris is not installed: pip install '.[fuzz]', which needs Python 3.11\n")
        return 1
    from tests.fuzz.targets import TARGETS

    targets = options.target or list(TARGETS)
    folder = Path(tempfile.mkdtemp(prefix="bwconnector-fuzz-"))
    failed = False
    for target in targets:
        seconds = max(1, options.seconds // len(targets))
        count, found = run(target, seconds, folder)
        sys.stdout.write(f"{target:13} {count:9} inputs in {seconds} s{': broken' if found else ''}\n{found}")
        sys.stdout.flush()
        failed = failed or bool(found) or not count
        if options.keep and not found:
            keep(target, folder)
    if failed:
        sys.stdout.write(f"inputs are in {folder}\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
