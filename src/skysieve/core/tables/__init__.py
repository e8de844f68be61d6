"""Tables of results as ECSV or Parquet, written whole or not at all."""
