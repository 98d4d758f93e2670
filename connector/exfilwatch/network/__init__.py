"""Records of traffic understood: where it goes, how much, what it carries and by what."""
