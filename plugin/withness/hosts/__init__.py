"""How an EHR host loads Withness."""
