"""Whether who asked for a job may still have it done when it begins: it may have waited for long, or was parked."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from exfilwatch_playbooks.service.problems import Refused

if TYPE_CHECKING:
    from exfilwatch_playbooks.service.service import Service
    from exfilwatch_playbooks.service.tokens import Scope


class NotPermitted(Refused):
    """Not any more."""


def permitted(service: "Service", token: str, action: str) -> None:
    """Raises NotPermitted where the token with this id may not have the action done now."""
    found, needed = service.tokens.get(token), _scope(action)
    state = found.state(service.clock()) if found is not None else "wrong"
    if found is None or state != "valid":
        raise NotPermitted(f"token-{state}", "the token that asked for it was taken no longer when it was to begin")
    if not found.allows(needed):
        detail = f"the token {found.name} has {', '.join(found.scopes) or 'no scope'} now; this needs {needed}"
        raise NotPermitted("scope-missing", detail)


def log_refused(
    service: "Service", job: str, action: str, given: Mapping[str, object], who: str, refused: NotPermitted
) -> None:
    """Tell the audit log."""
    from exfilwatch_playbooks.actions.audit import Audit
    from exfilwatch_playbooks.actions.secrets import Secrets

    audit, secrets, now = Audit(service.store.database), Secrets(service.settings), service.clock()
    said = {name: secrets.of(name, value) for name, value in given.items()}
    number = audit.begin(action, who, now, said | {"job": job}, dry_run=bool(given.get("dry_run", False)))
    audit.end(number, now, "refused", f"{refused.kind.title}: {refused.detail}", changed=False)


def _scope(action: str) -> "Scope":
    from exfilwatch_playbooks.actions import registry

    return "act" if action == "poll" else registry.action(action).scope
