"""The lake: immutable raw loads, each committed by its manifest."""
