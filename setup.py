"""Packaging. The packages are listed, not searched for: a search misses ``twisted.plugins``, which must have no ``__init__.py``."""

import re
from pathlib import Path

from setuptools import setup

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

MANHOLE = ["twisted[conch]>=26.10"]

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
    python_requires=">=3.11",
    install_requires=[
        "attrs>=25.1",
        "automat>=25.4",
        "cattrs>=25.1",
        "lxml>=5.3",
        "prometheus-client>=0.21",
        "treq>=25.5",
        "twisted[tls]>=26.10",
        "zope.interface>=7.2",
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
