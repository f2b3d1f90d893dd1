"""Many runs into one store of records."""
