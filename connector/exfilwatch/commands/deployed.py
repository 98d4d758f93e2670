"""Files that belong to software, not to people: what is put on servers in daily work.

A name without a domain (`deploy@web01:`) is a host of the own network, or an alias of whatever host. Which one, no
record says; what goes there does: programs, their configuration and the folders that servers keep them in.
"""

import re
from collections.abc import Sequence

from exfilwatch.commands.expression import expression
from exfilwatch.commands.paths import path
from exfilwatch.commands.staging import is_staging

_UNTOLD = re.compile(r"[$%`]|^[*?.]+$")
_ABSOLUTE = re.compile(r"^(?:[a-z]:\\|/)\w", re.IGNORECASE)
_BUILT = re.compile(
    r"(?:^|[\\/])(?:dist|build|target|public|out|release|www|html)(?:[\\/]|$)"
    r"|\.(?:jar|war|ear|ipa|apk|deb|rpm|msi|exe|dll|so|bin|img|iso|py|js|css|html?|php|sh|ps1|conf|cfg|ini|ya?ml|toml|service|repo|rules)$",
    re.IGNORECASE,
)


def are_deployed(sources: Sequence[str]) -> bool:
    """Whether there are files, and all of them are such: known by a whole path outside of what people keep and of where
    anybody may write, or by the name of what is built.
    """
    return bool(sources) and all(map(_is_deployed, sources))


def _is_deployed(source: str) -> bool:
    if _UNTOLD.search(source):
        return False
    place = path(source).text
    if is_staging(f"{place}/") or expression("{kept}").search(f"{place}/") or expression("{kept}").search(place):
        return False
    return bool(_ABSOLUTE.match(place) or _BUILT.search(place))
