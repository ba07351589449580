"""A real browser, an accessibility checker and an HTML validator, and what they say of every page."""
