"""What a command line does: what hides it undone, split into its commands, read with the transfer catalogue."""
