"""The toolkit of the evaluations and benchmarks of all tasks: pairs, figures, tables, HTML pages with crops, timing."""
