"""Many crystals into one store: what is grown where, shard by shard, and what was damaged grown again."""
