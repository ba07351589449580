"""The one database: one transaction holds request, screens, decision, audit leaf and outbox row."""
