"""The rules that requests share: loaded once, and again when a file of them has changed or a filter has ended."""

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from exfilwatch.errors import ConfigError, RuleError
from exfilwatch.polling.logs import log

if TYPE_CHECKING:
    from exfilwatch.detection.rule import RuleSet

_LOOKED = 2.0  # seconds: so often their files are looked at


class CurrentRules:
    """`stamp` is another when their files change; `loaded` loads them."""

    def __init__(
        self, stamp: "Callable[[], object]", loaded: "Callable[[], RuleSet]", clock: "Callable[[], datetime]"
    ) -> None:
        self._stamp, self._loaded, self._clock = stamp, loaded, clock
        self._lock = threading.Lock()
        self._rules: RuleSet | None = None
        self._known: object = None
        self._looked = 0.0
        self.problem = ""
        """Why those of today can't be loaded, so that those of before go on."""

    def __call__(self) -> "RuleSet":
        """As they are now. Raises ConfigError and RuleError at first; later, the rules of before go on."""
        with self._lock:
            if self._rules is None:
                self._known = self._stamp()
                self._rules = self._loaded()
            elif time.monotonic() - self._looked > _LOOKED:
                self._rules = self._renewed(self._rules)
            self._looked = time.monotonic()
            return self._rules

    def _renewed(self, rules: "RuleSet") -> "RuleSet":
        try:
            stamp = self._stamp()
            if stamp == self._known and not rules.has_outlived_a_filter(self._clock()):
                return rules
            self._known = stamp  # what is wrong with them is said once
            loaded, self.problem = self._loaded(), ""
            return loaded
        except (ConfigError, RuleError) as error:
            self.problem = str(error)
            log.error("rules can't be loaded; those of before go on", error=str(error))
            return rules
