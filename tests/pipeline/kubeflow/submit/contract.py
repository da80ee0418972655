"""What the Kubeflow Pipelines API takes and gives, as the KFP SDK's generated client models have it."""

import re
from datetime import datetime
from typing import Any

import kfp_server_api as api

_CLIENT = api.ApiClient()
_SCALARS = {"str": str, "int": int, "bool": bool, "float": (int, float), "object": object}


class ContractError(Exception):
    """A request is not what the models say."""


def strictly_read(model: str, body: Any, where: str = "body") -> Any:
    """Returns the object of `model` that `body`, parsed JSON, stands for. What the model does not say is refused."""
    if match := re.fullmatch(r"list\[(.+)\]", model):
        _check(isinstance(body, list), where, "a list", body)
        return [strictly_read(match[1], value, f"{where}[{index}]") for index, value in enumerate(body)]
    if match := re.fullmatch(r"dict\(str, (.+)\)", model):
        _check(isinstance(body, dict), where, "an object", body)
        return {key: strictly_read(match[1], value, f"{where}.{key}") for key, value in body.items()}
    if model == "datetime":
        _check(isinstance(body, str) and re.search(r"(Z|[+-]\d\d:\d\d)$", body), where, "an RFC 3339 time", body)
        return datetime.fromisoformat(body.replace("Z", "+00:00"))
    if model in _SCALARS:
        is_right = isinstance(body, _SCALARS[model]) and not (model == "int" and isinstance(body, bool))
        _check(is_right, where, model, body)
        return body
    kind = getattr(api, model)
    if not kind.openapi_types:
        _check(body in kind.allowable_values, where, f"one of {kind.allowable_values}", body)
        return body
    _check(isinstance(body, dict), where, f"an object {model}", body)
    attributes = {key: name for name, key in kind.attribute_map.items()}
    _check(
        body.keys() <= attributes.keys(), where, f"only the fields of {model}", sorted(body.keys() - attributes.keys())
    )
    return kind(
        **{
            attributes[key]: strictly_read(kind.openapi_types[attributes[key]], value, f"{where}.{key}")
            for key, value in body.items()
        }
    )


def as_json(answer: Any) -> Any:
    """Returns `answer`, an object of a model, as the API writes it."""
    return _CLIENT.sanitize_for_serialization(answer)


def _check(holds: Any, where: str, wanted: str, found: Any) -> None:
    if not holds:
        raise ContractError(f"{where}: must be {wanted}, is {found!r}")
