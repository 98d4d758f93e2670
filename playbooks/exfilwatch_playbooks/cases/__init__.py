"""Cases: one file per case system behind one protocol."""
