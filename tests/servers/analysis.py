"""A plugin for the Elasticsearch of the tests: what its security index is analysed with, so that API keys can be made.

The distribution has no module for it (`modules/analysis-common`); the Lucene that does the work is in its lib.
"""

import subprocess
import tempfile
from pathlib import Path

from .unavailable import Unavailable

_SOURCE = Path(__file__).parent / "EmailAnalysis.java"
_DESCRIPTOR = """\
description=analysis of the security index
name=exfilwatch-analysis
version=1
classname=exfilwatch.tests.EmailAnalysis
java.version=21
elasticsearch.version={version}
"""


def install(home: Path, version: str, java: Path) -> None:
    """Compile it against the server in `home`, and put it among its plugins. Raises Unavailable."""
    place = home / "plugins" / "exfilwatch-analysis"
    place.mkdir(parents=True)
    (place / "plugin-descriptor.properties").write_text(_DESCRIPTOR.format(version=version))
    with tempfile.TemporaryDirectory() as folder:
        _run(java / "bin" / "javac", "--release", "21", "-cp", f"{home}/lib/*", "-d", folder, _SOURCE)
        _run(java / "bin" / "jar", "--create", "--file", place / "exfilwatch-analysis.jar", "-C", folder, ".")


def _run(*command: str | Path) -> None:
    try:
        subprocess.run(command, capture_output=True, text=True, check=True)
    except OSError as error:
        raise Unavailable(f"{command[0]}: a Java that can compile (a JDK) is needed: {error}") from None
    except subprocess.CalledProcessError as error:
        raise Unavailable(f"{command[0]}: {error.stderr.strip()[-300:]}") from None
