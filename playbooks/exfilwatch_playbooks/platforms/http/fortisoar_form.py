"""A playbook as FortiSOAR stores it: steps of types that have ids, and routes between them.

Source: the playbooks of Fortinet's public solution packs.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias
from uuid import NAMESPACE_URL, uuid5

Kind: TypeAlias = Literal["referenced", "manual", "connector", "decision", "input", "set", "upsert", "reference"]
_KINDS: Mapping[Kind, str] = {
    "referenced": "b348f017-9a94-471f-87f8-ce88b6a7ad62",
    "manual": "f414d039-bb0d-4e59-9c39-a8f1e880b18a",
    "connector": "0bfed618-0316-11e7-93ae-92361f002671",
    "decision": "12254cf5-5db7-4b1a-8cb1-3af081924b28",
    "input": "fc04082a-d7dc-4299-96fb-6837b1baa0fe",
    "set": "04d0cf46-b6a8-42c4-8683-60a7eaa69e8f",
    "upsert": "2597053c-e718-44b4-8394-4d40fe26d357",
    "reference": "74932bdc-b8b6-4d24-88c4-1a4dfbc524f3",
}
"""The ids of the types of steps, which are the same in every FortiSOAR."""
_ACROSS, _DOWN = 350, 135  # pixels


class Workflow:
    """One playbook: steps and the routes between them, by their names."""

    def __init__(self, name: str, said: str, home: str, parameters: tuple[str, ...] = ()) -> None:
        self.name, self._said, self._home, self._parameters = name, said, home, parameters
        self.steps: list[dict[str, Any]] = []
        self.routes: list[dict[str, Any]] = []

    @property
    def iri(self) -> str:
        return f"/api/3/workflows/{identity(self.name)}"

    def put(self, kind: Kind, title: str, arguments: dict[str, Any], at: tuple[float, float] = (0, 0)) -> None:
        """The step of this title, right and down of the first."""
        self.steps.append(
            {
                "@type": "WorkflowStep",
                "name": label_of(title),
                "description": title,
                "arguments": {"step_variables": []} | arguments,
                "status": None,
                "left": str(int(125 + at[0] * _ACROSS)),
                "top": str(int(30 + at[1] * _DOWN)),
                "stepType": f"/api/3/workflow_step_types/{_KINDS[kind]}",
                "group": None,
                "uuid": self._id(title),
            }
        )

    def lead(self, one: str, other: str, label: str | None = None) -> str:
        """A route; the address of where it leads to."""
        target = self.address(other)
        self.routes.append(
            {
                "@type": "WorkflowRoute",
                "name": f"{label_of(one)} -> {label_of(other)}",
                "targetStep": target,
                "sourceStep": self.address(one),
                "label": label,
                "isExecuted": False,
                "group": None,
                "uuid": self._id(f"{one} {other} {label}"),
            }
        )
        return target

    def address(self, title: str) -> str:
        """Of a step, in the platform."""
        return f"/api/3/workflow_steps/{self._id(title)}"

    def workflow(self) -> dict[str, Any]:
        return {
            "@type": "Workflow",
            "triggerLimit": None,
            "name": self.name,
            "aliasName": None,
            "tag": None,
            "description": self._said,
            "isActive": False,
            "debug": False,
            "singleRecordExecution": False,
            "remoteExecutableFlag": False,
            "parameters": list(self._parameters),
            "synchronous": False,
            "collection": self._home,
            "versions": [],
            "triggerStep": self.address("Start"),
            "steps": self.steps,
            "routes": self.routes,
            "groups": [],
            "priority": None,
            "uuid": identity(self.name),
            "owners": [],
            "isPrivate": False,
            "deletedAt": None,
            "recordTags": ["exfilwatch"],
        }

    def _id(self, name: str) -> str:
        return identity(f"{self.name}/{name}")


def label_of(title: str) -> str:
    """The platform takes letters, digits, blanks and underlines."""
    return "".join(each for each in title if each.isalnum() or each in " _")


def result_of(title: str) -> str:
    """How the result of a step is written in an expression."""
    return label_of(title).replace(" ", "_")


def identity(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"exfilwatch/fortisoar/{name}"))
