"""The dashboard, put together: which address is answered by what, and what is refused."""

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from headstock.errors import HeadstockError, UnknownExperimentError, UnknownTrialError
from headstock.storage import Storage
from headstock.web.actions import Actions, Given, Json
from headstock.web.answers import Answers
from headstock.web.assets import Assets
from headstock.web.guard import Guard
from headstock.web.opened import Shelf
from headstock.web.requests import body


def create_app(
    storage: Storage,
    *,
    token: str | None = None,
    folder: Path | None = None,
    is_closing: Callable[[], bool] = lambda: False,
    clock: Callable[[], float],
) -> Starlette:
    """The dashboard of a storage.

    Args:
        storage: what it shows.
        token: what a browser has to show; None if the dashboard is reached on the loopback address only.
        folder: where the files of trials lie, if not beside the storage's own.
        is_closing: whether the server is about to end, so that streams have to.
        clock: the seconds since 1970, UTC.
    """
    assets, shelf = Assets(), Shelf(storage)
    answers = Answers(storage, shelf, folder, is_closing)
    actions = Actions(storage, shelf, folder, clock)
    routes = [
        Route("/", assets.file),
        Route("/static/{name}", assets.file),
        Route("/api/experiments", answers.experiments),
        Route("/api/experiment", answers.experiment),
        Route("/api/trials", answers.trials),
        Route("/api/trial", answers.trial),
        Route("/api/metrics", answers.metrics),
        Route("/api/beliefs", answers.beliefs),
        Route("/api/log", answers.log),
        Route("/api/artifacts", answers.artifacts),
        Route("/api/artifact", answers.artifact),
        Route("/api/csv", answers.csv),
        Route("/api/report", answers.report),
        Route("/api/figure", answers.figure),
        Route("/api/compare", answers.compare),
        Route("/api/pair", answers.pair),
        Route("/api/belongings", answers.belongings),
        Route("/api/events", answers.events),
        _changing("/api/create", actions.create, HTTPStatus.CREATED),
        _changing("/api/rename", actions.rename),
        _changing("/api/delete", actions.delete),
        _changing("/api/budget", actions.budget),
        _changing("/api/widen", actions.widen),
        _changing("/api/note", actions.note),
        _changing("/api/ask", actions.ask),
        _changing("/api/tell", actions.tell),
        _changing("/api/prefer", actions.prefer),
        _changing("/api/back", actions.take_back),
        _changing("/api/enqueue", actions.enqueue),
        _changing("/api/retry", actions.retry),
        _changing("/api/stop", actions.stop),
        _changing("/api/pause", actions.pause),
        _changing("/api/unpause", actions.unpause),
        _changing("/api/abandon", actions.abandon),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, token=token)],
        exception_handlers={HeadstockError: _refused},
    )


def _changing(path: str, act: Callable[[Given], Json], status: int = HTTPStatus.OK) -> Route:
    """Where something is changed: never by following a link."""

    async def answer(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(act, await body(request)), status)

    return Route(path, answer, methods=["POST"])


async def _refused(_: Request, error: Exception) -> Response:
    missing = isinstance(error, UnknownExperimentError | UnknownTrialError)
    return JSONResponse({"error": str(error)}, HTTPStatus.NOT_FOUND if missing else HTTPStatus.BAD_REQUEST)
