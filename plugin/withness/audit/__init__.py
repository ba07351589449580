"""The audit trail: canonical records, RFC 6962 tree, and the port that a store docks to."""
