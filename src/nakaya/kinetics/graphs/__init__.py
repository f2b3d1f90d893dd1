"""Records as multi-scale graphs: atoms, clusters, facets and process, each node with its resolution."""
