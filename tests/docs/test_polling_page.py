"""The program on the page about polling does what it says."""

import re
import subprocess
import sys
from pathlib import Path

from exfilwatch.findings.store import Store

from ..cli.program import environment  # noqa: TID252 (tests are no package on the path)
from ..cli.telemetry import BITSADMIN, process, write  # noqa: TID252
from .papers import read


def test_a_program_polls_what_the_settings_name(tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", read("polling.md"), re.DOTALL)
    logs = write(tmp_path / "logs.jsonl", process(BITSADMIN))
    (tmp_path / "exfilwatch.toml").write_text(f"[siem.main]\nkind = 'files'\npaths = ['{logs}']\n")
    env = environment(EXFILWATCH_CONFIG=str(tmp_path / "exfilwatch.toml"))
    ran = [sys.executable, "-c", program + "\nprint(problems)"]
    done = subprocess.run(ran, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
    assert len(Store(str(tmp_path / "findings.sqlite")).find()) == 1
