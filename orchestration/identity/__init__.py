"""Who is who: source records to customers, remembered in the lake, explained and reversible."""

from orchestration.identity.records import LENT, customer_references
from orchestration.identity.run import IdentityResult, resolve_identity

__all__ = ["LENT", "IdentityResult", "customer_references", "resolve_identity"]
