"""Studies and the making of tables: they run from a checkout, as `python3 nk.py benchmark NAME`, and do not ship."""
