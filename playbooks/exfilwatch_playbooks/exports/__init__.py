"""Findings in forms that other systems take: OCSF, STIX, CSV. Pure functions; all text in them is as it was logged."""
