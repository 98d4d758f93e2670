"""Response: what to do now, as data, filled in per finding."""
