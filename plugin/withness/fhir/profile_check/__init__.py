"""Checks a resource against FHIR R4 as such and against profiles, and says what it could not check."""
