"""The ready playbook: from a poll or a button to a case that is followed up.

One source, incident.yml, whose steps run our actions; `exports/` writes it for each platform. See docs/playbooks.md.
"""
