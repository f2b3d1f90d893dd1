"""Sources: files of others become records. One module per source."""
