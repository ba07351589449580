"""The EHR: one port, the embedded local chart and the FHIR REST client behind it."""
