"""What each SOAR platform needs, made from the actions: a packager for each, found by its place here."""
