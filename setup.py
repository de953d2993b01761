"""Package metadata of chatd; settings of the development tools are in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent


def version() -> str:
    """Read the version out of chatd/__init__.py, without importing it."""
    text = (ROOT / "chatd" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__\b[^=\n]*= *"([^"]+)"', text, re.MULTILINE)
    if found is None:
        raise SystemExit("chatd/__init__.py does not set __version__")
    return found[1]


WEB = ["cheroot>=11,<12", "flask>=3.1", "prometheus_client>=0.21", "websockets>=15,<18"]
POSTGRES = ["psycopg[binary]>=3.2"]

setup(
    name="chatd",
    version=version(),
    description="A multi-user chat server over TCP, and its terminal client",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="chatd maintainers",
    license_expression="MIT",
    license_files=["LICENSE"],
    keywords=["chat", "server", "tcp", "terminal", "plugins"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: System Administrators",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Communications :: Chat",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    # chatd and chatcli lie beside this file; the bundled plugins have a folder of their own,
    # so that nothing can import them by accident just because it runs from here.
    packages=[
        *find_packages(include=["chatd", "chatd.*", "chatcli", "chatcli.*"]),
        *find_packages("plugins", include=["chatd_plugins", "chatd_plugins.*"]),
    ],
    package_dir={"chatd_plugins": "plugins/chatd_plugins"},
    package_data={
        "": ["py.typed"],
        "chatd.web": ["static/*", "static/*/*", "templates/*"],
        "chatcli.check": ["scenarios/*.txt", "scenarios/*/*.txt"],
        # Alembic loads these by their path.
        "chatd_plugins.sql": ["migrations/*.py", "migrations/versions/*.py"],
    },
    entry_points={
        # The server loads chatd_plugins by name. The entry point group "chatd" is for
        # plugins that come in distributions of their own.
        "console_scripts": [
            "chatd = chatd.cli:main",
            "chatctl = chatd.ctl:main",
            "chatcli = chatcli.cli:main",
            "chatcheck = chatcli.check.cli:main",
        ],
    },
    install_requires=[
        "alembic>=1.16",
        "click>=8.3.3",
        "confusable-homoglyphs>=3.3.1",
        "msgspec>=0.20",
        "platformdirs>=4.3",
        "pluggy>=1.6",
        "precis-i18n>=1.1.2",
        "prompt_toolkit>=3.0.51",
        "sqlalchemy>=2.1",
        "wcwidth>=0.9",
    ],
    extras_require={
        "bench": [*WEB, "matplotlib>=3.10"],
        "postgres": POSTGRES,
        "web": WEB,
        # There are wheels for these only, and to build it takes a compiler of its own.
        "fuzz": [
            "atheris>=3; python_version < '3.15' and sys_platform == 'linux' "
            "and platform_machine == 'x86_64'"
        ],
        "dev": [
            *POSTGRES,
            *WEB,
            "build>=1.3",
            "hypothesis>=6.150",
            "mypy>=2",
            "playwright>=1.49",
            "pyte>=0.8.2",
            "pytest>=9",
            "pytest-cov>=7",
            "trustme>=1.2",
            "pytest-timeout>=2.4",
            "pytest-xdist>=3.8",
            "ruff>=0.15",
        ],
    },
    zip_safe=False,  # type checkers look for py.typed in a folder
)
