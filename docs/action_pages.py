"""A hook of mkdocs: the reference of actions is made when the site is, so that it can't be stale."""

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

from exfilwatch_playbooks.actions.reference import PLACE, reference
from exfilwatch_playbooks.actions.registry import every


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 mkdocs' names
    """Put it in its place."""
    return markdown.replace(PLACE, reference(every()))
