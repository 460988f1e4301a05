"""Arrays in, arrays out: regression, demeaning, covariances, cohort statistics, resampling."""
