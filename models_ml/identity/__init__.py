"""Who is who: matchers that link source records, and keys that never change."""
