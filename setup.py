"""Packaging. The packages are listed, not searched for: a search misses ``twisted.plugins``, which must have no ``__init__.py``."""

import re
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel

HERE = Path(__file__).parent

PACKAGES = [
    "bwconnector",
    "bwconnector.bridge",
    "bwconnector.csta",
    "bwconnector.ops",
    "bwconnector.simulator",
    "bwconnector.xsi",
    "twisted.plugins",
]

MANHOLE = ["twisted[conch]>=26.10,<28"]


class Wheel(bdist_wheel):
    """A wheel whose files have the same rights whoever builds it: with SOURCE_DATE_EPOCH, the same sources give the same bytes."""

    def write_wheelfile(self, *args, **options):
        super().write_wheelfile(*args, **options)  # the last that is done before everything is packed
        for path in Path(self.bdist_dir).rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)


setup(
    name="bwconnector",
    version=re.search(r'^__version__ = "(.+)"$', (HERE / "bwconnector/__init__.py").read_text(), re.M)[1],
    description="Connects T-Servers (CSTA III XML) with Cisco BroadWorks (Xsi).",
    long_description=(HERE / "README.rst").read_text(encoding="utf-8"),
    long_description_content_type="text/x-rst",
    classifiers=[
        "Framework :: Twisted",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3",
        "Topic :: Communications :: Telephony",
        "Typing :: Typed",
    ],
    packages=PACKAGES,
    package_data={"bwconnector": ["py.typed"], "bwconnector.ops": ["*.html"]},
    entry_points={"console_scripts": ["bwctl = bwconnector.ctl:main"]},
    cmdclass={"bdist_wheel": Wheel},
    python_requires=">=3.11",
    install_requires=[
        # The upper bounds are versions that do not exist yet: of those with years in their numbers some years from now, of others the
        # next but one that may break what it promised. A new one is tried by raising the bound.
        "attrs>=25.1,<28",
        "automat>=25.4,<28",
        "cattrs>=25.1,<28",
        "lxml>=5.3,<8",
        "prometheus-client>=0.21,<2",
        "treq>=25.5,<28",
        "twisted[tls]>=26.10,<28",
        "zope.interface>=7.2,<10",
    ],
    extras_require={
        "manhole": MANHOLE,
        "fuzz": ['atheris>=3.0; python_version == "3.11"'],
        "dev": [
            *MANHOLE,
            "build",
            "docutils",
            "hypothesis",
            "lxml-stubs",
            "packaging",
            "mypy",
            "mypy-zope",
            "pytest",
            "pytest-timeout",
            "pytest-twisted",
            "pyyaml",
            "ruff",
            "setuptools>=77",
            "towncrier",
        ],
    },
)
