"""Log lines on stdout, uvicorn's among them: time, level, logger, message, trace."""

import logging
import logging.config
import os

from reminders.dapr import trace_id


class WithTrace(logging.Filter):
    """Gives each line the trace id of the request it belongs to."""

    def filter(self, record: logging.LogRecord) -> bool:
        trace = trace_id()
        record.trace = f" trace={trace}" if trace else ""
        return True


class NoProbes(logging.Filter):
    """Leaves health checks out of the access log: they are asked for every few seconds."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "/healthz" not in record.getMessage()


def configure() -> None:
    """Set up logging. `LOG_LEVEL` is the root's level."""
    uvicorn = {"handlers": [], "propagate": True}
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"trace": {"()": WithTrace}, "probes": {"()": NoProbes}},
            "formatters": {
                "line": {
                    "format": "%(asctime)s.%(msecs)03d %(levelname)-8s %(name)s: %(message)s%(trace)s",
                    "datefmt": "%Y-%m-%dT%H:%M:%S",
                }
            },
            "handlers": {
                "stdout": {
                    "class": "logging.StreamHandler",
                    "stream": "ext://sys.stdout",
                    "formatter": "line",
                    "filters": ["trace"],
                }
            },
            "root": {"level": os.environ.get("LOG_LEVEL", "INFO").upper(), "handlers": ["stdout"]},
            "loggers": {
                "uvicorn": uvicorn,
                "uvicorn.error": uvicorn,
                "uvicorn.access": {**uvicorn, "filters": ["probes"]},
                "httpx": {"level": "WARNING"},  # it would log every call to the sidecar
            },
        }
    )
