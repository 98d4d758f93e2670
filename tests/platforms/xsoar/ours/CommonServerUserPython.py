"""A site's own additions to every integration: none."""
