"""The report: an incident as one HTML file that needs nothing else, for the analyst and for whoever they report to."""
