"""Studies, and the making of tables: run from a checkout, not part of the wheel."""
