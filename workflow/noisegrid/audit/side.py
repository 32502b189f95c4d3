"""Run an audited function in this process and watch it."""

import os
from pathlib import Path

import torch

from noisegrid.audit.children import keep_groups, watch_children
from noisegrid.audit.draws import Draws, watch_functions
from noisegrid.audit.loaders import watch_loaders
from noisegrid.audit.request import Request
from noisegrid.audit.steps import end, watch_steps
from noisegrid.audit.watch import Enough, Watch
from noisegrid.common.errors import NoisegridError, first_line
from noisegrid.common.references import imported

#: The watch of this process, once it has one.
WATCHES: list[Watch] = []


def begin(text: str) -> Watch:
    """Watch this process, as a request in JSON asks; return the watch."""
    request = Request.of(text)
    torch.set_num_threads(request.threads)
    watch = Watch(request)
    WATCHES.append(watch)
    watch_functions(watch)
    watch_loaders(watch)
    watch_steps(watch, str(request.arguments.get("checkpoint", "")))
    watch_children()
    keep_groups()
    return watch


def audited(text: str) -> None:
    """Run the function of a request to its last step."""
    watch = begin(text)
    watch.write("main", hash_seed=os.environ.get("PYTHONHASHSEED", ""))
    request, returned = watch.request, None
    with Draws(watch):
        try:
            returned = imported("function", request.function)(**request.arguments)
        except Enough:
            pass
        except SystemExit as error:
            if error.code:
                raise NoisegridError(f"{request.function} ended with sys.exit({error.code!r}); correct it") from error
        except NoisegridError:
            raise
        except Exception as error:
            where = _line_of(error)
            raise NoisegridError(
                f"{request.function} failed{where}: {type(error).__name__}: {first_line(error)}; correct it"
            ) from error
    end(watch, returned)


def _line_of(error: Exception) -> str:
    """Return the innermost line of the user's code in a traceback, in words."""
    from noisegrid.audit.places import LIBRARIES

    found, trace = "", error.__traceback__
    while trace is not None:
        path = trace.tb_frame.f_code.co_filename
        if not path.startswith((*LIBRARIES, "<")):
            found = f" at {Path(path).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found
