"""The types of what ModelCard and RunReport write.

Kubeflow finds a type's class by the type's name, which is therefore the path of the class.
"""

from tfx import v1 as tfx


class ModelCardFiles(tfx.dsl.Artifact):
    """A model card, as JSON and as Markdown."""

    TYPE_NAME = "components.report.artifacts.ModelCardFiles"


class RunReportFiles(tfx.dsl.Artifact):
    """The page about a run, its facts as JSON, and the model card."""

    TYPE_NAME = "components.report.artifacts.RunReportFiles"
