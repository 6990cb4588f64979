"""Helps to write a company's configuration: look at a source, draft its maps, begin a company."""
