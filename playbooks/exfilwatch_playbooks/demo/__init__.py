"""The demo: an ordinary day of twelve hosts, as they were logged, with four exfiltrations in it."""
