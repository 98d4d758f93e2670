"""What texts have in common, as a Sigma value that fits each of them."""

from hypothesis import given
from hypothesis import strategies as st
from sigma.types import SigmaString

from exfilwatch.detection.sigma_condition import _parts
from exfilwatch.detection.values import Text
from exfilwatch_playbooks.tuning.template import escaped, template

TEXTS = st.text(st.sampled_from("ab1 \\*?/-."), max_size=30)


def fits(value: str, text: str) -> bool:
    return Text(_parts(SigmaString(value)), cased=False).holds(text)


@given(TEXTS)
def test_an_escaped_text_fits_itself(text: str) -> None:
    assert fits(escaped(text), text)


@given(TEXTS, TEXTS)
def test_an_escaped_text_fits_no_other(text: str, other: str) -> None:
    assert fits(escaped(text), other) == (text.lower() == other.lower())


@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_a_template_fits_all_that_it_was_made_of(texts: list[str]) -> None:
    made = template(texts)
    assert not made or all(fits(made, text) for text in texts)


def test_words_that_differ_are_left_open_and_no_others() -> None:
    assert template(["cp a.txt /srv/out", "cp b.txt /srv/out"]) == "cp *.txt /srv/out"
    assert template(["report --day 20260312 --to x", "report --day 20260312 --to x"]) == "report --day * --to x"
    assert template(["a b", "c d"]) == ""
