"""The app for Splunk SOAR: what `exfilwatch package splunk-soar` writes, and what it does when the platform runs it.

`project/` has the app's files as templates; make_package.py in it builds what the platform installs. The app is thin:
running.py, handing.py and containers.py map the platform's settings, polls and results to ours.
"""

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

if TYPE_CHECKING:
    from exfilwatch_playbooks.manifest import Manifest

APP = uuid5(NAMESPACE_URL, "exfilwatch/splunk_soar")
"""By it the platform knows an app again when it is upgraded."""
_PROJECT = Path(__file__).parent / "project"
_ACTION = "src/action.py"
PLAYBOOK = "playbook.tgz"


def package(manifest: "Manifest", out: Path) -> None:
    """Write the app's project into the folder `out`."""
    from exfilwatch_playbooks.actions.registry import every
    from exfilwatch_playbooks.platforms.project import Project
    from exfilwatch_playbooks.platforms.splunk_soar import source
    from exfilwatch_playbooks.platforms.splunk_soar.fields import FIELDS

    project = Project(_PROJECT, {"text": source.literal, "literal": source.literal})
    actions = every()
    known = {
        "version": manifest.version,
        "uuid": str(APP),
        "title": manifest.name,
        "description": manifest.description,
        "fields": source.asset(manifest.configuration) + source.asset({"properties": FIELDS}),
        "actions": source.names(actions),
        "every": actions,
    }
    project.write(out, known, besides=_ACTION)
    for each in actions:
        if each.name != source.TEST:
            place = out / "src" / "actions" / f"{each.name}.py"
            place.write_text(project.filled(_ACTION, source.action(each)), encoding="utf-8")
    (out / PLAYBOOK).write_bytes(_playbook())


def _playbook() -> bytes:
    """The playbook as the platform imports it: the same bytes whenever it is written."""
    import gzip
    import io
    import tarfile

    from exfilwatch_playbooks.playbook.exports.registry import export
    from exfilwatch_playbooks.playbook.source import incident

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, text in sorted(export("splunk-soar").files(incident()).items()):
            content = text.encode()
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)
