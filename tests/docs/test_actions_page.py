"""The page of actions, whose reference is made with the site."""

from exfilwatch_playbooks.actions.reference import PLACE, reference
from exfilwatch_playbooks.actions.registry import every

from .papers import read


def test_the_reference_has_a_place_on_the_page():
    assert read("actions.md").count(PLACE) == 1


def test_the_reference_has_every_action_and_input():
    text = reference(every())
    for each in every():
        assert f"### {each.name}\n" in text
        assert each.description in text
        for name in each.input.model_fields:
            assert f"| `{name}` |" in text
