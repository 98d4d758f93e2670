"""A platform's project as a folder of files, of which those called *.jinja are templates.

They become Python's source, TOML and Markdown, not HTML; what is filled in is ours, and written as literals.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_TEMPLATE = ".jinja"


class Project:
    """The files of a folder; `filters` are those of its templates."""

    def __init__(self, folder: Path, filters: Mapping[str, Callable[..., object]]) -> None:
        self._folder = folder
        self._templates = Environment(  # noqa: S701
            loader=FileSystemLoader(folder),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._templates.filters |= filters

    def write(self, out: Path, known: Mapping[str, object], *, besides: str = "") -> None:
        """Write every file to its place below `out`, but the template `besides`."""
        for file in sorted(each for each in self._folder.rglob("*") if each.is_file()):
            name = file.relative_to(self._folder).as_posix()
            if name == f"{besides}{_TEMPLATE}":
                continue
            place = out / name.removesuffix(_TEMPLATE)
            place.parent.mkdir(parents=True, exist_ok=True)
            if name.endswith(_TEMPLATE):
                place.write_text(self.filled(name.removesuffix(_TEMPLATE), known), encoding="utf-8")
            else:
                place.write_bytes(file.read_bytes())

    def filled(self, name: str, known: Mapping[str, object]) -> str:
        """One template, filled in."""
        return self._templates.get_template(f"{name}{_TEMPLATE}").render(known)
