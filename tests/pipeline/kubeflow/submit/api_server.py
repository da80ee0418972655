"""A Kubeflow Pipelines API server: real HTTP, requests and answers as the SDK's generated models have them."""

import json
import re
from collections.abc import Callable
from email import message_from_bytes
from typing import Any
from urllib.parse import unquote

import kfp_server_api as api
import yaml

from tests.pipeline.kubeflow.submit.contract import as_json, strictly_read
from tests.pipeline.kubeflow.submit.http_serving import Fault, RefusalError, Request
from tests.pipeline.kubeflow.submit.told_runs import Told

API = "/apis/v2beta1"


class ApiServer:
    """What the server holds, and how it behaves."""

    def __init__(self, token: str | None = None, multi_user: bool = False):
        self.address = ""
        self.token = token
        self.multi_user = multi_user
        self.page_size_limit = 100
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.pipelines: dict[str, api.V2beta1Pipeline] = {}
        self.versions: dict[str, api.V2beta1PipelineVersion] = {}
        self.files: dict[str, bytes] = {}
        self.experiments: dict[str, api.V2beta1Experiment] = {}
        self.runs: dict[str, api.V2beta1Run] = {}
        self.recurring_runs: dict[str, api.V2beta1RecurringRun] = {}
        self.told = Told([{}])
        self.logs: dict[str, str] = {}
        self._made = 0

    def asked(self, method: str, path: str) -> list[Request]:
        """Returns the requests of that kind that arrived; `path` is a pattern."""
        return [it for it in self.requests if it.method == method and re.fullmatch(path, it.path)]

    def answer(self, request: Request) -> tuple[int, bytes, str]:
        if self.token is not None and request.headers.get("authorization") != f"Bearer {self.token}":
            raise RefusalError(401, "Request header error: there is no user identity header.")
        for method, pattern, handle in _ROUTES:
            match = re.fullmatch(pattern, request.path)
            if match and method == request.method:
                made = handle(self, request, *map(unquote, match.groups()))
                if isinstance(made, str):
                    return 200, made.encode(), "text/plain"
                return 200, json.dumps(as_json(made) if made is not None else {}).encode(), "application/json"
        raise RefusalError(404, "Not Found")

    def new_id(self, kind: str) -> str:
        self._made += 1
        return f"{kind}-{self._made:04}"


def _health(server: ApiServer, request: Request) -> Any:
    return api.V2beta1GetHealthzResponse(multi_user=server.multi_user, pipeline_store="database")


def _create_pipeline(server: ApiServer, request: Request) -> Any:
    pipeline = strictly_read("V2beta1Pipeline", request.json)
    pipeline.name = pipeline.name or pipeline.display_name
    if not pipeline.name:
        raise RefusalError(400, "Pipeline's name cannot be empty.")
    if any((old.name, old.namespace) == (pipeline.name, pipeline.namespace) for old in server.pipelines.values()):
        raise RefusalError(409, f"The pipeline name {pipeline.name} already exists.")
    pipeline.pipeline_id = server.new_id("pipeline")
    server.pipelines[pipeline.pipeline_id] = pipeline
    return pipeline


def _upload_version(server: ApiServer, request: Request) -> Any:
    form = message_from_bytes(b"Content-Type: " + request.headers["content-type"].encode() + b"\r\n\r\n" + request.body)
    [part] = form.get_payload()
    if part.get_param("name", header="content-disposition") != "uploadfile":
        raise RefusalError(400, "Failed to create a pipeline version")
    if not request.query.keys() <= {"name", "display_name", "description", "pipelineid", "tags"}:
        raise RefusalError(400, f"unknown query {request.query}")
    pipeline_id, name = request.query["pipelineid"], request.query["name"]
    if pipeline_id not in server.pipelines:
        raise RefusalError(404, f"Pipeline {pipeline_id} not found")
    if any((old.pipeline_id, old.name) == (pipeline_id, name) for old in server.versions.values()):
        raise RefusalError(409, f"The name {name} already exists.")
    content = part.get_payload(decode=True)
    if next(yaml.safe_load_all(content))["schemaVersion"] != "2.1.0":
        raise RefusalError(400, "Failed to validate the pipeline spec: schema version must be 2.1.0")
    version = api.V2beta1PipelineVersion(
        pipeline_id=pipeline_id, pipeline_version_id=server.new_id("version"), name=name, display_name=name
    )
    server.versions[version.pipeline_version_id] = version
    server.files[version.pipeline_version_id] = content
    return version


def _create_experiment(server: ApiServer, request: Request) -> Any:
    experiment = strictly_read("V2beta1Experiment", request.json)
    if server.multi_user and not experiment.namespace:
        raise RefusalError(400, "Experiment must have a namespace.")
    experiment.experiment_id = server.new_id("experiment")
    server.experiments[experiment.experiment_id] = experiment
    return experiment


def _create_run(server: ApiServer, request: Request) -> Any:
    run = strictly_read("V2beta1Run", request.json)
    _check_job(server, run)
    run.run_id, run.state = server.new_id("run"), "PENDING"
    server.runs[run.run_id] = run
    return run


def _get_run(server: ApiServer, request: Request, run_id: str) -> Any:
    if run_id not in server.runs:
        raise RefusalError(404, f"Run {run_id} not found")
    run = server.runs[run_id]
    server.told.tell(run)
    return run


def _create_recurring_run(server: ApiServer, request: Request) -> Any:
    recurring_run = strictly_read("V2beta1RecurringRun", request.json)
    _check_job(server, recurring_run)
    if not 1 <= int(recurring_run.max_concurrency) <= 10:
        raise RefusalError(400, "The max concurrency of the recurring run is out of range. Support 1-10.")
    if server.multi_user and not recurring_run.namespace:
        raise RefusalError(400, "Recurring run has no namespace.")
    recurring_run.recurring_run_id = server.new_id("recurring-run")
    recurring_run.status = f"{recurring_run.mode}D"
    server.recurring_runs[recurring_run.recurring_run_id] = recurring_run
    return recurring_run


def _check_job(server: ApiServer, job: Any) -> None:
    """Checks what runs and recurring runs have in common, as the backend does."""
    if not job.display_name:
        raise RefusalError(400, "The run name is empty. Please specify a valid name")
    if job.experiment_id not in server.experiments:
        raise RefusalError(404, f"Experiment {job.experiment_id} not found")
    reference = job.pipeline_version_reference
    if (reference is None) == (job.pipeline_spec is None):
        raise RefusalError(400, "Either a pipeline spec or a pipeline version is needed.")
    if reference.pipeline_version_id not in server.files:
        raise RefusalError(404, f"PipelineVersion {reference.pipeline_version_id} not found")
    spec = next(yaml.safe_load_all(server.files[reference.pipeline_version_id]))
    declared = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    if unknown := (job.runtime_config.parameters or {}).keys() - declared.keys():
        raise RefusalError(400, f"Unrecognized input parameters: {sorted(unknown)}")


def _enable(server: ApiServer, request: Request, recurring_run_id: str) -> Any:
    _recurring_run(server, recurring_run_id).status = "ENABLED"


def _disable(server: ApiServer, request: Request, recurring_run_id: str) -> Any:
    _recurring_run(server, recurring_run_id).status = "DISABLED"


def _delete(server: ApiServer, request: Request, recurring_run_id: str) -> Any:
    _recurring_run(server, recurring_run_id)
    del server.recurring_runs[recurring_run_id]


def _recurring_run(server: ApiServer, recurring_run_id: str) -> api.V2beta1RecurringRun:
    if recurring_run_id not in server.recurring_runs:
        raise RefusalError(404, f"RecurringRun {recurring_run_id} not found")
    return server.recurring_runs[recurring_run_id]


def _log(server: ApiServer, request: Request, run_id: str, pod: str) -> Any:
    if run_id not in server.runs or pod not in server.logs:
        raise RefusalError(500, f"Failed to read logs for run {run_id}: pods {pod} not found")
    return server.logs[pod]


def _lists(kind: str, response: Callable[..., Any]) -> Callable[[ApiServer, Request], Any]:
    """Returns a handler that lists what the server has of `kind`: filtered, and page by page."""

    def handle(server: ApiServer, request: Request) -> Any:
        known = {"filter", "page_size", "page_token", "sort_by", "namespace", "experiment_id"}
        if not request.query.keys() <= known:
            raise RefusalError(400, f"unknown query {sorted(request.query.keys() - known)}")
        scopes = {key for key in ("namespace", "experiment_id") if request.query.get(key)}
        if server.multi_user and not scopes:
            raise RefusalError(400, "A namespace is needed in multi-user mode")
        found = list(getattr(server, kind).values())
        for scope in scopes:
            found = [it for it in found if getattr(it, scope, None) == request.query[scope]]
        wanted = strictly_read("V2beta1Filter", _in_the_models_words(request.query.get("filter", '{"predicates": []}')))
        for predicate in wanted.predicates:
            if predicate.operation != "EQUALS":
                raise RefusalError(501, f"{predicate.operation} is not understood here")
            found = [it for it in found if getattr(it, predicate.key) == predicate.string_value]
        start = int(request.query.get("page_token", "") or 0)
        end = start + min(int(request.query.get("page_size", 20)), server.page_size_limit)
        more = {"next_page_token": str(end)} if end < len(found) else {}
        return response(**{kind: found[start:end] or None}, total_size=len(found), **more)

    return handle


def _in_the_models_words(text: str) -> Any:
    """Returns a filter as the models have it: Go's protojson also takes camel case, and an enumeration's numbers."""
    wanted = json.loads(text)
    for predicate in wanted["predicates"]:
        if "stringValue" in predicate:
            predicate["string_value"] = predicate.pop("stringValue")
        predicate["operation"] = {1: "EQUALS"}.get(predicate["operation"], predicate["operation"])
    return wanted


_ROUTES: list[tuple[str, str, Callable[..., Any]]] = [
    ("GET", f"{API}/healthz", _health),
    ("GET", f"{API}/pipelines", _lists("pipelines", api.V2beta1ListPipelinesResponse)),
    ("POST", f"{API}/pipelines", _create_pipeline),
    ("POST", f"{API}/pipelines/upload_version", _upload_version),
    ("GET", f"{API}/experiments", _lists("experiments", api.V2beta1ListExperimentsResponse)),
    ("POST", f"{API}/experiments", _create_experiment),
    ("POST", f"{API}/runs", _create_run),
    ("GET", f"{API}/runs/([^/:]+)", _get_run),
    ("GET", f"{API}/recurringruns", _lists("recurring_runs", api.V2beta1ListRecurringRunsResponse)),
    ("POST", f"{API}/recurringruns", _create_recurring_run),
    ("POST", f"{API}/recurringruns/([^/:]+):enable", _enable),
    ("POST", f"{API}/recurringruns/([^/:]+):disable", _disable),
    ("DELETE", f"{API}/recurringruns/([^/:]+)", _delete),
    ("GET", "/apis/v1alpha1/runs/([^/]+)/nodes/([^/]+)/log", _log),
]
