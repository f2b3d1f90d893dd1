"""The table of kinetics models: what ships, computed again, and scores on other records."""
