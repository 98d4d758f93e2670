"""Case systems that can't run here, as their vendors' documentation says that they answer, with the traps that were
seen: a search that is late, a field that is ignored, 200 with an error text, doubles that are accepted.
"""
