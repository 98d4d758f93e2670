"""URLhaus (abuse.ch): whether a host serves, or a file is, malware.

Sent: the host or the hash, as a form, and the key (`Auth-Key`). Source: https://urlhaus-api.abuse.ch/ (POST v1/host/
with `host`, v1/payload/ with `sha256_hash` or `md5_hash`; query_status ok, no_results, invalid_host). Terms: fair use;
for profit, see https://abuse.ch/terms-of-use/.
"""

import msgspec

from exfilwatch.errors import SourceError
from exfilwatch.siem.connection import Url
from exfilwatch_playbooks.enrichment.indicator import Indicator, Kind
from exfilwatch_playbooks.enrichment.model import Answer
from exfilwatch_playbooks.enrichment.service import MALICIOUS, SUSPICIOUS, UNKNOWN, Service, ServiceOptions, text

_HASHES = {"sha256": "sha256_hash", "md5": "md5_hash"}
_NONE = frozenset({"no_results", "no_result", "invalid_host", "invalid_sha256_hash", "invalid_md5_hash"})


class UrlhausOptions(ServiceOptions):
    """The address of the service."""

    url: Url = "https://urlhaus-api.abuse.ch"


class _Url(msgspec.Struct, frozen=True):
    url_status: str = ""
    threat: str | None = None
    tags: list[str] | None = None


class _Answer(msgspec.Struct, frozen=True):
    query_status: str
    urlhaus_reference: str | None = None
    firstseen: str | None = None
    url_count: int | None = None
    urls: list[_Url] | None = None
    signature: str | None = None
    file_type: str | None = None


class Urlhaus(Service):
    """urlhaus.verdict, .urls, .malware"""

    name = "urlhaus"
    title = "URLhaus"
    kinds = frozenset(Kind)
    key_header = "Auth-Key"
    Settings = UrlhausOptions

    async def look_up(self, given: Indicator) -> list[Answer]:
        if given.kind is Kind.HASH and given.algorithm not in _HASHES:
            return []
        of_file = given.kind is Kind.HASH
        path = "/v1/payload/" if of_file else "/v1/host/"
        form = {_HASHES[given.algorithm] if of_file else "host": given.value}
        found = await self.ask("POST", path, _Answer, data=form)
        if found is None or found.query_status in _NONE:
            return [self.verdict(UNKNOWN)]
        if found.query_status != "ok":
            raise SourceError(f"{self.called}: answered {text(found.query_status)}: check its `key`")
        urls = found.urls or []
        online = sum(each.url_status == "online" for each in urls)
        tags = [tag for each in urls for tag in (each.threat, *(each.tags or ())) if tag]
        verdict = MALICIOUS if of_file or online else SUSPICIOUS
        answers = [self.verdict(verdict, online, tags, _page(found.urlhaus_reference))]
        if found.url_count:
            since = f", since {found.firstseen}" if found.firstseen else ""
            answers.append(
                self.answer("urls", "URLs of malware", f"{found.url_count:,}, {online} of them online{since}")
            )
        if found.signature or found.file_type:
            answers.append(self.answer("malware", "Malware", found.signature or found.file_type))
        return answers


def _page(reference: str | None) -> str:
    return reference if reference and reference.startswith("https://urlhaus.abuse.ch/") else ""
