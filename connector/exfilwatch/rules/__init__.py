"""Rules: Sigma YAML, shipped as data; one folder a pack."""
