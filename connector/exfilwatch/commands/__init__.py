"""What a command line does: what hides it undone, split into the commands that run, read with the transfer catalogue."""
