"""Reviews in CSV files: finds and opens the files, reads records and values, and lists rejects.

Components use `csv_reader` for the rows and `sources` for the files.
"""
