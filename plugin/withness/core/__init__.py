"""Pure values and rules: values in, values out; no clock, no files, no network, no FHIR library."""
