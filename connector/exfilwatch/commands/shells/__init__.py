"""The languages that command lines are written in: each splits a script into the commands that it runs."""
