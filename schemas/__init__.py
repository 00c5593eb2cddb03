"""What every row and every setting of a run is: records, outcomes, step configs, the recipe file, errors."""
