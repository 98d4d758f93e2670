"""`exfilwatch query`: text to paste into a SIEM, and what it does not say exactly."""

import json
from importlib.resources import files

import pytest

from exfilwatch_playbooks.cli import boundary


def shown(capfdbinary: pytest.CaptureFixture[bytes], *arguments: str) -> str:
    assert boundary.run(["query", *arguments]) == 0
    return capfdbinary.readouterr().out.decode()


@pytest.mark.parametrize("siem", ["elasticsearch", "opensearch"])
def test_a_search_engine_gets_a_query_of_its_dsl(capfdbinary: pytest.CaptureFixture[bytes], siem: str) -> None:
    found = json.loads(shown(capfdbinary, "--siem", siem, "--rules", "seed"))
    assert set(found) == {"query"}
    assert "process.command_line" in json.dumps(found)


@pytest.mark.parametrize(
    ("siem", "part"),
    [
        ("splunk", "| where "),
        ("sentinel", "SecurityEvent\n| where TimeGenerated > ago(1d)\n| where "),
        ("defender", "DeviceProcessEvents\n| where Timestamp > ago(1d)\n| where "),
    ],
)
def test_a_text_is_printed_to_be_pasted(capfdbinary: pytest.CaptureFixture[bytes], siem: str, part: str) -> None:
    assert part in shown(capfdbinary, "--siem", siem)


def test_sumo_is_asked_for_texts_of_the_whole_message(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    rule = files("exfilwatch").joinpath("rules/seed/transfer_tool.yml")
    assert "_raw matches /" in shown(capfdbinary, "--siem", "sumo", "--rules", str(rule))


@pytest.mark.parametrize(
    ("siem", "part"), [("splunk", "exfil_score>=2"), ("sumo", "exfil_score >= 2"), ("defender", "ExfilScore >= 2")]
)
def test_the_score_is_computed_in_the_query(capfdbinary: pytest.CaptureFixture[bytes], siem: str, part: str) -> None:
    assert part in shown(capfdbinary, "--siem", siem, "--rules", "seed", "--score")


def test_what_is_wider_is_explained(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    found = shown(capfdbinary, "--siem", "splunk", "--rules", "seed", "--explain")
    assert "Transfer Tool With An Upload Option: wider than the rule:" in found
    assert "IsUpload: CommandLine: a regular expression" in found
    assert "as the rule" in shown(capfdbinary, "--siem", "defender", "--rules", "seed", "--explain")


def test_filters_of_the_pack_are_explained_once_and_fields_of_command_lines_by_what_is_asked_instead(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    found = shown(capfdbinary, "--siem", "splunk", "--explain")
    assert "_filt_" not in found
    (first, *_) = found.split("\nArchive Created")
    assert first.count("filters of the pack") == 1
    assert (
        "transfer.direction: read from the command line, which no SIEM does: what has to stand in the command" in found
    )


def test_an_unknown_siem_is_a_wrong_usage(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert boundary.run(["query", "--siem", "qradar"]) == 2
    assert b"splunk" in capfdbinary.readouterr().err
