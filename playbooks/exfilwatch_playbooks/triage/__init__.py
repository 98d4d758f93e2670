"""The triage page at `/` of the service: for a team without a SOAR. Pages are made here, as HTML; htmx saves reloads.

Nothing on a page is done by a way of its own: whatever changes something is an action, which the audit log has.
"""
