"""Numbers, addresses and booleans in the query DSL: as such, or in keywords that hold them as texts."""

import ipaddress
import re
from collections.abc import Callable

from exfilwatch.detection.values import Cidr, Compare, Number, Test, Wild
from exfilwatch.siem.queries.elastic_dsl import Query, term
from exfilwatch.siem.queries.elastic_mapping import Indexed
from exfilwatch.siem.queries.globs import Glob
from exfilwatch.siem.queries.infix import natural
from exfilwatch.siem.queries.networks import dotted

WHOLE = {"byte": 7, "short": 15, "integer": 31, "long": 63, "unsigned_long": 64}
FRACTION = ("float", "double", "half_float", "scaled_float")


def of_word(way: Indexed, test: Test) -> Query | bool:
    """Numbers and addresses in a keyword. What is not written in digits only (0x1bb, 443.0) passes as well."""
    if isinstance(test, Number):
        number = natural(test)
        return True if number is None else {"regexp": {way.path: {"value": f"0*{number}|.*[^0-9].*"}}}
    if isinstance(test, Cidr) and (starts := dotted(test.network)):
        values = [*(f"*{start}*" for start in starts), "*:ffff:*"]
        should = [{"wildcard": {way.path: {"value": value, "case_insensitive": True}}} for value in values]
        return {"bool": {"should": should, "minimum_should_match": 1}}
    return True


def whole(way: Indexed, glob: Glob) -> Query | bool:
    text = glob.literals[0] if len(glob.parts) == 1 and glob.literals else None
    if text is None:
        return True
    return _in_range(way, int(text)) if re.fullmatch(r"-?[0-9]{1,20}", text) else False


def _in_range(way: Indexed, number: int) -> Query | bool:
    bits = WHOLE[way.type]
    low = 0 if way.type == "unsigned_long" else -(1 << bits)
    return term(way.path, number) if low <= number < 1 << bits else False


def of_whole(way: Indexed, test: Test) -> Query | bool:
    """Numbers, of which the engine drops a fraction."""
    if isinstance(test, Number) and test.wanted is not None:
        return _in_range(way, int(test.wanted))
    if isinstance(test, Compare) and test.op in _BOUNDS and abs(test.limit) < 1 << 31:
        return {"range": {way.path: {_BOUNDS[test.op]: int(test.limit)}}}
    return True


_BOUNDS = {"gt": "gte", "gte": "gte", "lt": "lte", "lte": "lte"}


def of_address(way: Indexed, test: Test) -> Query | bool:
    return term(way.path, str(test.network)) if isinstance(test, Cidr) else True


def address(way: Indexed, glob: Glob) -> Query | bool:
    text = glob.literals[0] if glob.literals else ""
    if glob.parts == (text,):
        return term(way.path, text) if _is(ipaddress.ip_address, text) else False
    found = re.fullmatch(r"((?:\d{1,3}\.){1,3})", text)
    if glob.parts == (text, Wild.ANY) and found:
        given = text.rstrip(".").split(".")
        network = f"{'.'.join([*given, *['0'] * (4 - len(given))])}/{8 * len(given)}"
        return term(way.path, network) if _is(ipaddress.ip_network, network) else False
    return True


def _is(make: Callable[[str], object], text: str) -> bool:
    try:
        make(text)
    except ValueError:
        return False
    return True


def boolean(way: Indexed, glob: Glob) -> Query | bool:
    if not all(isinstance(part, str) for part in glob.parts):
        return True
    text = "".join(glob.literals).lower()
    return term(way.path, text == "true") if text in ("true", "false") else False
