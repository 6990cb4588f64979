"""Publishing: one consistent version for all readers, and the way back to an older one."""
