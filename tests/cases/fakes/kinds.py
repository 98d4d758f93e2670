"""The systems that have a fake, and how a client of theirs is made."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from exfilwatch_playbooks.cases.github import GitHub
from exfilwatch_playbooks.cases.gitlab import GitLab
from exfilwatch_playbooks.cases.iris import Iris
from exfilwatch_playbooks.cases.jira import Jira
from exfilwatch_playbooks.cases.servicenow import ServiceNow
from exfilwatch_playbooks.cases.system import Tracker
from exfilwatch_playbooks.cases.thehive import TheHive

from . import github, gitlab, iris, jira, servicenow, thehive
from .fake import SECRET, Fake


@dataclass(frozen=True)
class Kind:
    """A system and its fake; `settings` beside the address, `wrong` the setting that holds the secret."""

    system: Callable[..., Tracker]
    fake: Callable[[], Fake]
    settings: dict[str, Any]
    wrong: str


KINDS = {
    "GitHub": Kind(GitHub, github.GitHub, {"repository": "corp/cases", "token": SECRET}, "token"),
    "GitLab": Kind(GitLab, gitlab.GitLab, {"project": "corp/cases", "token": SECRET}, "token"),
    "Jira Cloud": Kind(
        Jira,
        jira.Jira,
        {"project": "SOC", "user": "soc@corp.test", "token": SECRET, "edition": "cloud"},
        "token",
    ),
    "Jira Data Center": Kind(Jira, lambda: jira.Jira(cloud=False), {"project": "SOC", "token": SECRET}, "token"),
    "ServiceNow incident": Kind(ServiceNow, servicenow.ServiceNow, {"token": SECRET}, "token"),
    "ServiceNow security incident": Kind(
        ServiceNow, servicenow.ServiceNow, {"token": SECRET, "table": "sn_si_incident"}, "token"
    ),
    "TheHive alert": Kind(TheHive, thehive.TheHive, {"api_key": SECRET}, "api_key"),
    "TheHive case": Kind(TheHive, thehive.TheHive, {"api_key": SECRET, "object": "case"}, "api_key"),
    "DFIR-IRIS": Kind(Iris, iris.Iris, {"api_key": SECRET}, "api_key"),
}


def client(kind: Kind, fake: Fake, **more: Any) -> Any:
    """A client of the system that talks to the fake."""
    settings = {"kind": "x", "url": "https://tracker.test", **kind.settings, **more}
    settings_of = kind.system.Settings  # type: ignore[attr-defined] # each class has its own
    return kind.system("tracker", settings_of.model_validate(settings), transport=fake.transport)
