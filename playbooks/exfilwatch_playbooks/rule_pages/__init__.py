"""Pages about rules, made of the rules and of the tests beside them: `pages.pages`."""
