"""Who is who: source records to customers, remembered in the lake, explained and reversible."""

from orchestration.identity.records import SHARED_ID, customer_references
from orchestration.identity.run import IdentityResult, resolve_identity

__all__ = ["SHARED_ID", "IdentityResult", "customer_references", "resolve_identity"]
