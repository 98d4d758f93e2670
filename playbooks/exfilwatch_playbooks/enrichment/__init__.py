"""What is known beyond the events: where data went, how much of it, who else does the same, and what others say."""
