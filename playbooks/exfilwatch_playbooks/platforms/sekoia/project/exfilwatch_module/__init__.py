"""The module of exfilwatch."""
