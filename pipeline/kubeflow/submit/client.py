"""A client of the Kubeflow Pipelines API, based on the generated services and models of the KFP SDK.

`kfp.Client` uses the same services. But it sets no timeout, prints, reads settings from the home folder and the
environment, and waits for ever for a cancelled run.
"""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import kfp_server_api as api
from urllib3 import Retry

from core.errors import ConfigurationError, ReadalikeError
from pipeline.kubeflow.submit.api_errors import no_api, told_to_people
from pipeline.kubeflow.submit.connection import Connection

_AUTHORIZATION: Final = "authorization"
_PAGE_SIZE: Final = 100
_LOG_TAIL: Final = 64 * 1024
# Only read requests are retried. Redirects are not followed, because they lead to a login page.
_RETRIES: Final = Retry(
    total=2,
    read=0,
    other=0,
    redirect=0,
    status_forcelist=(502, 503, 504),
    allowed_methods=("GET",),
    backoff_factor=0.3,
    respect_retry_after_header=False,
    raise_on_status=False,
    raise_on_redirect=False,
)
Answer = TypeVar("Answer")


class KubeflowClient:
    """Client of one server. Each method makes one request, except lists, which are read to the last page."""

    def __init__(self, connection: Connection):
        """Sets up the client without a request.

        Raises:
          ConfigurationError: the token cannot be read.
        """
        self.connection = connection
        configuration = api.Configuration(host=connection.host)
        configuration.ssl_ca_cert = str(connection.ca_cert) if connection.ca_cert else None
        configuration.retries = _RETRIES
        if connection.token() is not None:
            configuration.api_key_prefix[_AUTHORIZATION] = "Bearer"
            configuration.refresh_api_key_hook = self._renew_token
            self._renew_token(configuration)
        logging.getLogger("urllib3").setLevel(logging.ERROR)  # It would log each attempt; real failures are raised.
        self._api = _JsonApiClient(configuration)
        self._pipelines = api.PipelineServiceApi(self._api)
        self._uploads = api.PipelineUploadServiceApi(self._api)
        self._experiments = api.ExperimentServiceApi(self._api)
        self._runs = api.RunServiceApi(self._api)
        self._recurring_runs = api.RecurringRunServiceApi(self._api)
        self._health = api.HealthzServiceApi(self._api)

    def check(self) -> None:
        """Checks that the server answers, before any change is requested.

        Raises:
          ConfigurationError: the installation has several users, and no namespace is set.
        """
        health = self._ask("say how it is", self._health.healthz_service_get_healthz)
        if health.multi_user and not self.connection.namespace:
            raise ConfigurationError(
                f"{self.connection.host}: has several users, and --namespace is missing. Name your profile's namespace."
            )

    def find_pipeline(self, name: str) -> api.V2beta1Pipeline | None:
        """Returns the pipeline with that name, or None."""
        return next(self._named(name, "pipelines", self._pipelines.pipeline_service_list_pipelines), None)

    def create_pipeline(self, name: str) -> api.V2beta1Pipeline:
        """Creates a pipeline without a version."""
        return self._ask(
            f"create the pipeline {name}",
            self._pipelines.pipeline_service_create_pipeline,
            api.V2beta1Pipeline(display_name=name, namespace=self.connection.namespace or None),
        )

    def upload_version(self, pipeline_id: str, name: str, file: Path) -> api.V2beta1PipelineVersion:
        """Creates a version of a pipeline from `file`, which is sent unchanged."""
        return self._ask(
            f"upload {file} as version {name}",
            self._uploads.upload_pipeline_version,
            str(file),
            name=name,
            pipelineid=pipeline_id,
        )

    def find_experiment(self, name: str) -> api.V2beta1Experiment | None:
        """Returns the experiment with that name, or None."""
        return next(self._named(name, "experiments", self._experiments.experiment_service_list_experiments), None)

    def create_experiment(self, name: str) -> api.V2beta1Experiment:
        """Creates an experiment."""
        return self._ask(
            f"create the experiment {name}",
            self._experiments.experiment_service_create_experiment,
            api.V2beta1Experiment(display_name=name, namespace=self.connection.namespace or None),
        )

    def create_run(self, run: api.V2beta1Run) -> api.V2beta1Run:
        """Starts a run."""
        return self._ask(f"start the run {run.display_name}", self._runs.run_service_create_run, run)

    def run(self, run_id: str) -> api.V2beta1Run:
        """Returns the current state of a run."""
        return self._ask(f"say how run {run_id} is", self._runs.run_service_get_run, run_id)

    def recurring_runs(self, name: str, experiment_id: str) -> list[api.V2beta1RecurringRun]:
        """Returns the schedules with that name in an experiment."""
        service = self._recurring_runs.recurring_run_service_list_recurring_runs
        return list(self._named(name, "recurring_runs", service, experiment_id=experiment_id))

    def create_recurring_run(self, recurring_run: api.V2beta1RecurringRun) -> api.V2beta1RecurringRun:
        """Creates a schedule."""
        service = self._recurring_runs.recurring_run_service_create_recurring_run
        return self._ask(f"create the schedule {recurring_run.display_name}", service, recurring_run)

    def enable_recurring_run(self, recurring_run_id: str) -> None:
        """Enables a schedule."""
        service = self._recurring_runs.recurring_run_service_enable_recurring_run
        self._ask(f"enable schedule {recurring_run_id}", service, recurring_run_id)

    def disable_recurring_run(self, recurring_run_id: str) -> None:
        """Disables a schedule."""
        service = self._recurring_runs.recurring_run_service_disable_recurring_run
        self._ask(f"disable schedule {recurring_run_id}", service, recurring_run_id)

    def delete_recurring_run(self, recurring_run_id: str) -> None:
        """Deletes a schedule. Its runs stay."""
        service = self._recurring_runs.recurring_run_service_delete_recurring_run
        self._ask(f"delete schedule {recurring_run_id}", service, recurring_run_id)

    def log_tail(self, run_id: str, pod: str) -> str:
        """Returns the last 64 KiB of the log of a run's pod; empty if the server has none.

        The API server has the endpoint, but the generated services do not.
        """
        try:
            response = self._ask(
                f"show the log of {pod}",
                self._api.call_api,
                "/apis/v1alpha1/runs/{run_id}/nodes/{node_id}/log",
                "GET",
                path_params={"run_id": run_id, "node_id": pod},
                auth_settings=["Bearer"],
                _return_http_data_only=True,
                _preload_content=False,
            )
        except ReadalikeError:
            return ""
        if "text/plain" not in response.headers.get("Content-Type", ""):
            return ""
        return bytes(response.data)[-_LOG_TAIL:].decode("utf-8", errors="replace")

    def address_of(self, what: str, identifier: str | None) -> str:
        """Returns the UI address of an object, such as a run."""
        return f"{self.connection.host}/#/{what}/details/{identifier}"

    def _named(
        self, name: str, kind: str, service: Callable[..., Any], experiment_id: str | None = None
    ) -> Iterator[Any]:
        """Yields the objects with `name` that `service` lists, from all pages."""
        predicate = {"operation": "EQUALS", "key": "display_name", "string_value": name}
        scope = {"experiment_id": experiment_id} if experiment_id else {"namespace": self.connection.namespace}
        token = ""
        while True:
            page = self._ask(
                f"list {kind.replace('_', ' ')} named {name}",
                service,
                filter=json.dumps({"predicates": [predicate]}),
                page_size=_PAGE_SIZE,
                page_token=token,
                **{key: value for key, value in scope.items() if value},
            )
            yield from getattr(page, kind) or ()
            token = page.next_page_token
            if not token:
                return

    def _ask(self, asked: str, call: Callable[..., Answer], *arguments: Any, **named: Any) -> Answer:
        limit = self.connection.timeout
        with told_to_people(self.connection, asked):
            try:
                return call(*arguments, _request_timeout=(limit, limit), **named)
            except _NotJsonError as error:
                raise no_api(self.connection, f"{self.connection.host}, asked to {asked}") from error

    def _renew_token(self, configuration: api.Configuration) -> None:
        configuration.api_key[_AUTHORIZATION] = self.connection.token()


class _NotJsonError(Exception):
    """A successful answer is not a JSON object."""


class _JsonApiClient(api.ApiClient):
    """The generated client with a check for JSON. Without it, a login page would become an object without fields."""

    def deserialize(self, response: Any, response_type: Any) -> Any:
        try:
            answer = json.loads(response.data)
        except ValueError as error:
            raise _NotJsonError from error
        if not isinstance(answer, dict):
            raise _NotJsonError
        return super().deserialize(response, response_type)
