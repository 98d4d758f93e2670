"""Rows that the engine does not meet yet: each is a deviation from Sigma or from the issue, to be mended or decided."""

import pytest

OPEN = (
    ("[file_delete_detected", "Sysmon 26 is a category of the taxonomy"),
    ("is_not_silently_accepted[product: windwos]", "such a rule silently never fires"),
    ("is_not_silently_accepted[category: process_creation\\nproduct: window]", "such a rule silently never fires"),
    ("is_not_silently_accepted[product: windows\\nservice:", "such a rule silently never fires"),
    ("is_not_silently_accepted[service: sysmno]", "such a rule silently never fires"),
    ("says_nothing_is_an_error[category: '']", "means every event there is"),
    ("are_joined[NewValue", "names of Windows events lose their spaces"),
    ("are_joined[ProductName", "names of Windows events lose their spaces"),
    ("are_joined[OldValue", "names of Windows events lose their spaces"),
    ("are_joined[Provider_Guid", "attributes of the header are fields"),
    ("are_joined[Execution_ProcessID", "attributes of the header are fields"),
    ("are_joined[Security_UserID", "attributes of the header are fields"),
    ("$ stands before a last line end", "RE2's $ is the very end"),
    ("a null value is there", "exists looks at presence only"),
    ("'UtcTime|hour|gte: 3': compared", "hour|gte compares the field itself with 3"),
    ("which may be patterns", "values of placeholders may have wildcards"),
    ("many_hostile_values", "no bound over all values"),
    ("aliases_of_aliases", "exponential in duplicate_keys"),
    ("any_document.py::test_check_lists", "crashes on values of unexpected types"),
    ("beyond_64_bits", "OverflowError where a hit is packed"),
    ("a_null_in_the_place", "the fast path takes null for a value"),
    ("leaves_it_to_the_provider", "the fast path forgets the provider after a line with a channel"),
    ("both_ways.py::test_the_fast_path", "the same, and others of its kind"),
    ("one_and_true_are_not", "what was screened is remembered by value, and 1 == True"),
    ("many_long_texts", "re2: failed to compile Set"),
    ("or_refused[not]", "RecursionError"),
    ("or_refused[nested]", "RecursionError"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for part, reason in OPEN:
            if "tests/sigma/" in item.nodeid and part in item.nodeid:
                item.add_marker(pytest.mark.xfail(reason=reason, strict=False))
