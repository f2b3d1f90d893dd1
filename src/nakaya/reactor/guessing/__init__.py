"""What the columns of an unknown log may be: a first draft of a column map, for a person to correct."""
