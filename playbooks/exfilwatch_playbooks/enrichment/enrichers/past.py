"""What the store has of the same user and host: other findings in the days before, and what became of them."""

from collections import Counter
from datetime import timedelta

from exfilwatch.findings.finding import Finding
from exfilwatch.findings.incident import rank
from exfilwatch.findings.node import user_key
from exfilwatch_playbooks.enrichment.enricher import OfSubject, Options, Said
from exfilwatch_playbooks.enrichment.model import Answer
from exfilwatch_playbooks.enrichment.subject import Subject

_MOST = 500
_SHOWN = 10
_EVERYBODY = frozenset({"system", "root", "local service", "network service"})
"""Accounts that are on every host: what another host's does is no news of this one's."""


class PastOptions(Options):
    """Nothing is kept: the store is near, and changes."""

    lifetime: timedelta = timedelta(0)


class Past(OfSubject):
    """past.findings, past.level, past.marks, past.hosts"""

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
        if marks := self._marks(others):
            told = ", ".join(f"{count:,} {what}" for what, count in marks.items())
            answers.append(Answer(key="past.marks", label="What became of them", value=told))
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

    def _marks(self, others: list[Finding]) -> Counter[str]:
        assert self.means.store is not None
        marks = self.means.store.marks([each.id for each in others])
        return Counter(mark.disposition.value for mark in marks.values())
