"""The facts of a run, and the HTML report and model card made from them.

The components RunReport and ModelCard write them. `pipeline/local` writes the report of a run that failed.
"""
