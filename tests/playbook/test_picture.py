"""The picture in the docs is of this playbook, and says in words what it shows."""

import re
from pathlib import Path
from xml.etree import ElementTree

from exfilwatch_playbooks.playbook.layout import placed
from exfilwatch_playbooks.playbook.picture import picture
from exfilwatch_playbooks.playbook.source import incident
from exfilwatch_playbooks.playbook.wiring import wired

DOCS = Path(__file__).parents[2] / "docs"
SVG = "{http://www.w3.org/2000/svg}"


def test_the_picture_in_the_docs_is_of_this_playbook() -> None:
    assert (DOCS / "pictures/playbook.svg").read_text("utf-8") == picture(incident()), (
        "make it again: exfilwatch playbook show --svg > docs/pictures/playbook.svg"
    )


def test_it_shows_and_says_every_step() -> None:
    drawn = ElementTree.fromstring(picture(incident()))
    title, words = drawn.find(f"{SVG}title"), drawn.find(f"{SVG}desc")
    assert title is not None
    assert words is not None
    assert drawn.attrib["aria-labelledby"].split() == [title.attrib["id"], words.attrib["id"]]
    shown = {text.text for text in drawn.iter(f"{SVG}text")}
    for node in wired(incident()):
        assert node.step.title in shown
        assert f"{node.step.title} (" in (words.text or "")


def test_no_two_steps_stand_in_one_place() -> None:
    places = placed(incident())
    assert len(set(places.values())) == len(places)
    assert set(places) == {node.id for node in wired(incident())} | {"end"}


def test_it_is_for_light_and_dark_and_loads_nothing() -> None:
    text = picture(incident())
    assert "prefers-color-scheme: dark" in text
    colours = re.findall(r"--[a-z]+(?=: #)", text)
    assert all(colours.count(each) == 2 for each in colours)
    assert re.findall(r"(?:href|src|url)\s*[=(]\s*[\"']?(?!#)", text) == []
