"""Raw loads to contracted input tables: casts, quarantine, versions, and the second set of books."""
