"""A plan as Markdown: all of it, to tick off, and hostile values stay text."""

import pytest

from exfilwatch_playbooks.response.guide import guides
from exfilwatch_playbooks.response.markdown import markdown
from exfilwatch_playbooks.response.plan import plan_for, plan_of

from ..findings.made import make  # noqa: TID252 (tests are no package on the path)
from ..hostile_values import KINDS  # noqa: TID252
from ..rendered import RENDERERS, commonmark  # noqa: TID252
from .known import everything

TAGS = {"h1", "h2", "h3", "p", "strong", "em", "ul", "li", "code", "pre"}


def test_it_has_a_box_for_each_step_under_its_phase_and_each_query_once():
    plan = plan_for([make("a", DestinationIp="203.0.113.9", ProcessId=31)])
    text = markdown(plan, "Response plan for finding 3fa9")
    assert text.startswith("# Response plan for finding 3fa9\n\n## Verify\n")
    assert text.count("\n- [ ] **") == len(plan.steps)
    assert "  Who: network team, at most 20 min, can be automated after approval. Needs:" in text
    assert "**To decide:** Is the breach notified, to whom, and by when?" in text
    assert "  ```powershell\n  Get-CimInstance Win32_Process -Filter 'ProcessId=31' | Format-List *\n" in text
    titles = {query.title for step in plan.steps for query in step.queries}
    assert [text.count(f"### {title}\n") for title in titles] == [1] * len(titles)
    page = commonmark(text)
    assert [each.strip() for each in page.texts["h2"]] == [*(phase.title for phase in plan.phases), "Queries"]
    assert page.tags["li"] == len(plan.steps)


@pytest.mark.parametrize("render", RENDERERS, ids=lambda render: render.__name__)
@pytest.mark.parametrize("kind", KINDS)
def test_hostile_values_stay_text(render, kind):
    for value in [
        *KINDS[kind][:6],
        "<img src=x onerror=alert(1)>",
        "[a](http://x)",
        "![a](http://x)",
        "# x",
        "`` ` ``",
    ]:
        said = everything(value[:300])
        page = render(markdown(plan_of([(branch, said) for guide in guides().values() for branch in guide.branches])))
        assert set(page.tags) <= TAGS
