"""The playbook as each platform takes it: one file for each, found by its place here.

A module has `TITLE`, what the platform is called; `LACKS`, what of the source the platform cannot say, and what is done
instead; and `files`, which writes the playbook: texts by their paths.
"""
