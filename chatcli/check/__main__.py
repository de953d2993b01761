"""Run chatcheck: `python -m chatcli.check`."""

from chatcli.check.cli import main

main(prog_name="chatcheck")
