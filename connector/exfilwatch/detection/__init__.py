"""Detection: load Sigma rules, compile matchers, score, correlate, explain."""
