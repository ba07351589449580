"""The FHIR package: profiles, terminology, forms and knowledge artefacts, made from the catalogue."""
