"""Churn warning: who will not buy within the horizon, how sure that is, and why."""
