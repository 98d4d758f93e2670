"""All pages about rules, by their path: the overview, and one for each rule and filter."""

from collections.abc import Sequence
from pathlib import Path

from exfilwatch.detection.load import load
from exfilwatch.detection.rule_tests import Case, cases
from exfilwatch.detection.sigma_condition import Placeholders
from exfilwatch_playbooks.rule_pages.overview import NAME, overview
from exfilwatch_playbooks.rule_pages.page import Filtering, page
from exfilwatch_playbooks.rule_pages.written import files


def pages(
    places: Sequence[tuple[str, Path]], placeholders: Placeholders | None = None, *, manual: str = ""
) -> dict[str, str]:
    """Markdown by path (`all.md`, `exfil/http_upload.md`), of rule files and folders under the names of their places.

    `manual` is where docs/rules.md is as seen from a rule's page; without it, pages do not link there.
    Raises what loading rules and their tests does.
    """
    found = [file for place, path in places for file in files(place, path)]
    # Which filter is for which rule: asked of the filters loaded with all the rules that are here.
    loaded = load([path for _, path in places], placeholders)
    made = {NAME: overview(found)}
    by_path = {str(file.path): file for file in found}
    for file in found:
        mine = [
            Filtering(each.info.title, by_path[each.info.path].page, each.waits)
            for each in loaded.filters
            if each.info.path in by_path and str(file.path) in each.met
        ]
        tested: list[Case] = list(cases(file.path, placeholders))
        met = next((each.met for each in loaded.filters if each.info.path == str(file.path)), frozenset[str]())
        made[file.page] = page(file, tested, mine, [by_path[path] for path in sorted(met) if path in by_path], manual)
    return made
