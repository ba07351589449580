"""Values to FHIR R4 and back, each direction in one file; plain values, no FHIR import at the top."""
