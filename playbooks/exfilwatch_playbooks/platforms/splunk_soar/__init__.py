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
_TEMPLATE = ".jinja"


def package(manifest: "Manifest", out: Path) -> None:
    """Write the app's project into the folder `out`."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from exfilwatch_playbooks.actions.registry import every
    from exfilwatch_playbooks.platforms.splunk_soar import source
    from exfilwatch_playbooks.platforms.splunk_soar.fields import FIELDS

    # Python's source and Markdown, not HTML; what is filled in is ours, and written as literals.
    made = Environment(  # noqa: S701
        loader=FileSystemLoader(_PROJECT),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {"text": source.literal, "literal": source.literal}
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
    for file in sorted(each for each in _PROJECT.rglob("*") if each.is_file()):
        name = file.relative_to(_PROJECT).as_posix()
        place = out / name.removesuffix(_TEMPLATE)
        if name == f"src/action.py{_TEMPLATE}":
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(_TEMPLATE):
            place.write_text(made.get_template(name).render(known), encoding="utf-8")
        else:
            place.write_bytes(file.read_bytes())
    template = made.get_template(f"src/action.py{_TEMPLATE}")
    for each in actions:
        if each.name != source.TEST:
            place = out / "src" / "actions" / f"{each.name}.py"
            place.write_text(template.render(source.action(each)), encoding="utf-8")
