"""Address of and credentials for a Kubeflow Pipelines server."""

import os
import re
import ssl
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from core.errors import ConfigurationError

TOKEN_VARIABLE: Final = "READALIKE_KFP_TOKEN"
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")


class Connection(BaseModel):
    """The server and how to connect to it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    host: str
    """Address of Kubeflow Pipelines, such as `https://kubeflow.example/pipeline`, or of its API server."""

    namespace: str = ""
    """Namespace of your profile, if the installation has several users."""

    token_file: Path | None = None
    """File with the bearer token, read for each request. Unset: the environment variable `READALIKE_KFP_TOKEN`, else no
    token."""

    ca_cert: Path | None = None
    """File with trusted certificates in PEM format. Unset: the usual authorities."""

    timeout: float = Field(default=60, gt=0)
    """Maximum seconds for the answer to a request."""

    @field_validator("host")
    @classmethod
    def _is_address(cls, value: str) -> str:
        address = urlsplit(value.strip())
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError("must be an address such as https://kubeflow.example/pipeline")
        if "@" in address.netloc:
            raise ValueError("must not hold a name or a password: name a token file instead")
        return f"{address.scheme}://{address.netloc}{address.path.rstrip('/')}"

    @field_validator("ca_cert")
    @classmethod
    def _holds_certificates(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                ssl.create_default_context(cafile=value)
            except OSError as error:
                raise ValueError(f"must be a readable file of certificates in PEM form ({error.strerror})") from error
        return value

    @property
    def sends_token_in_the_open(self) -> bool:
        """Whether there is a token and the connection is not encrypted."""
        return self.host.startswith("http://") and self.token() is not None

    def token(self) -> str | None:
        """Returns the current bearer token, or None.

        Raises:
          ConfigurationError: the file cannot be read, or the text is not a token.
        """
        if self.token_file is None:
            text, where = os.environ.get(TOKEN_VARIABLE, ""), TOKEN_VARIABLE
            if not text:
                return None
        else:
            where = f"--token-file {self.token_file}"
            try:
                text = self.token_file.read_text(encoding="ascii", errors="replace")
            except OSError as error:
                raise ConfigurationError(f"{where}: cannot be read ({error.strerror}). Name another file.") from error
        token = text.strip().removeprefix("Bearer ")
        if not _TOKEN.fullmatch(token):
            raise ConfigurationError(f"{where}: is empty, or has more in it than one token. Put the token alone there.")
        return token

    def without_token(self, text: str) -> str:
        """Returns `text` with the token hidden, because a server may repeat the request."""
        token = self.token()
        return text.replace(token, "***") if token else text
