"""lakeferry moves Delta lakes between clouds, table by table, exactly as they are."""
