"""The modules of the web page without a browser, run by node."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import chatd

MODULES = Path(chatd.__file__).parent / "web" / "static" / "js"


def running_modules(tmp_path_factory):
    """Give a function that runs a script, which imports ./js/….js, and reads the JSON it prints."""
    if not (program := shutil.which("node")):
        pytest.skip("node is not installed: bin/setup-browser")
    folder = tmp_path_factory.mktemp("modules")
    (folder / "package.json").write_text('{"type": "module"}')
    shutil.copytree(MODULES, folder / "js")

    def run(script):
        (folder / "script.js").write_text(script)
        command = [program, "script.js"]
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=20, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    return run
