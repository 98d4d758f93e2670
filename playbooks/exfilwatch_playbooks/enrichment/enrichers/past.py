"""What the store has of the same user and host: other findings in the days before, and what became of them.

`past.again` counts those that are of the same user, a day or more before, and not marked as harmless: what came just
before belongs to the same story, and what somebody else did on the host tells nothing of this user.
"""

from collections import Counter
from datetime import timedelta

from exfilwatch.findings.finding import Finding
from exfilwatch.findings.incident import rank
from exfilwatch.findings.marks import Disposition
from exfilwatch.findings.node import user_key
from exfilwatch_playbooks.enrichment.enricher import OfSubject, Options, Said
from exfilwatch_playbooks.enrichment.model import Answer
from exfilwatch_playbooks.enrichment.subject import Subject

_MOST = 500
_SHOWN = 10
_APART = timedelta(days=1)
_HARMLESS = frozenset({Disposition.FALSE_POSITIVE, Disposition.BENIGN, Disposition.DUPLICATE})
_EVERYBODY = frozenset({"system", "root", "local service", "network service"})
"""Accounts that are on every host: what another host's does is no news of this one's."""


class PastOptions(Options):
    """Nothing is kept: the store is near, and changes."""

    lifetime: timedelta = timedelta(0)


class Past(OfSubject):
    """past.findings, .level, .again, .again_level, .marks, .hosts"""

    name = "past"
    title = "Earlier findings"
    by_default = True
    Settings = PastOptions

    @property
    def asks(self) -> str:
        return "the store of findings"

    def question(self, subject: Subject) -> str | None:
        return (
            subject.of if self.means.store is not None and subject.start and (subject.hosts or subject.users) else None
        )

    async def survey(self, subject: Subject) -> Said:
        others = self._others(subject)
        if not others:
            return Said([("", Answer(key="past.findings", label="Earlier findings", value="none", number=0))])
        rules = Counter(each.rule.title for each in others)
        worst = max((each.rule.level for each in others), key=rank)
        least = "at least " if len(others) >= _MOST else ""
        answers = [
            Answer(
                key="past.findings", label="Earlier findings", value=f"{least}{len(others):,}", number=len(others),
                items=tuple(f"{title} ({count:,})" for title, count in rules.most_common(_SHOWN)),
            ),
            Answer(key="past.level", label="Their highest level", value=worst),
        ]  # fmt: skip
        hosts = tuple(dict.fromkeys(each.host for each in others if each.host and each.host not in subject.hosts))
        if hosts:
            value = f"{len(hosts):,}"
            answers.append(
                Answer(
                    key="past.hosts", label="Other hosts of theirs", value=value, number=len(hosts), items=hosts[:20]
                )
            )
        marks = self._marks(others)
        if marks:
            told = ", ".join(f"{count:,} {what}" for what, count in Counter(marks.values()).items())
            answers.append(Answer(key="past.marks", label="What became of them", value=told))
        if again := [each for each in others if marks.get(each.id) not in _HARMLESS and _is_again(each, subject)]:
            level = max((each.rule.level for each in again), key=rank)
            value = f"{len(again):,} a day or more before"
            answers.append(Answer(key="past.again", label="Of this user", value=value, number=len(again)))
            answers.append(Answer(key="past.again_level", label="Their highest level", value=level))
        return Said([("", answer) for answer in answers])

    def _others(self, subject: Subject) -> list[Finding]:
        """Newest first, of before the subject's end, without its own."""
        store = self.means.store
        assert store is not None
        assert subject.start is not None
        assert subject.end is not None
        since, own = subject.start - timedelta(days=self.means.days), {each.id for each in subject.findings}
        found: dict[str, Finding] = {}
        for host in subject.hosts[:3]:
            found |= {each.id: each for each in store.find(host=host, since=since, until=subject.end, limit=_MOST)}
        for user in subject.users[:3]:
            if (key := user_key(user)) and key not in _EVERYBODY and not key.endswith("$"):
                found |= {each.id: each for each in store.find(user=user, since=since, until=subject.end, limit=_MOST)}
        return [each for name, each in found.items() if name not in own][:_MOST]

    def _marks(self, others: list[Finding]) -> dict[str, str]:
        assert self.means.store is not None
        marks = self.means.store.marks([each.id for each in others])
        return {name: mark.disposition.value for name, mark in marks.items()}


def _is_again(finding: Finding, subject: Subject) -> bool:
    """Whether a finding is of the subject's own user, and of another day."""
    users = {key for user in subject.users if (key := user_key(user))} - _EVERYBODY
    ended = finding.end or finding.time
    assert subject.start is not None
    return user_key(finding.user) in users and ended is not None and ended < subject.start - _APART
