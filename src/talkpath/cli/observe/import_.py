"""`talkpath observe import`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.cli.observe._place import counting_progress, data_option, responders_option, simulated_option
from talkpath.errors import FileError, UsageError
from talkpath.report.printable import printable

if TYPE_CHECKING:
    from talkpath.observatory.importers.files import ImportCount


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FOLDER_OR_FILE...")
@data_option
@simulated_option
@responders_option
@click.option("--ooni", is_flag=True, help="The files are OONI's measurements (JSONL, perhaps gzipped).")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes that judge bundles.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON what was added.")
def command(
    files: tuple[Path, ...],
    data: Path,
    simulated: bool,
    responders: Path | None,
    ooni: bool,
    jobs: int,
    as_json: bool,
) -> None:
    """Add folders of bundles to the log of a stopped observatory.

    A folder holds .talkpath files of checks, and perhaps taps.jsonl, as `talkpath lab country` writes them. With
    --ooni: files of OONI's tests whatsapp, telegram, signal, facebook_messenger and stunreachability. What the log
    holds already is not added again, what is refused is told with the reason, and an import that was stopped can be
    run again.
    """
    import msgspec

    from talkpath.evidence.known_responders import known_operators
    from talkpath.observatory.importers.files import import_folder, import_ooni
    from talkpath.observatory.server import opened_log

    if ooni and simulated:
        raise UsageError("OONI's measurements are of real networks; leave --simulated out.")
    keys, what = known_operators(responders), "lines read" if ooni else "bundles judged"
    with closing(opened_log(data, simulated)) as log, counting_progress(what, as_json) as hear:
        results = [
            import_ooni(log, file, hear) if ooni else import_folder(log, file, keys, simulated, jobs, hear)
            for file in files
        ]
    for folder, brought in zip(files, results, strict=True):
        click.echo(
            msgspec.json.encode({"schema": "talkpath.import/1", "simulated": simulated, **msgspec.to_builtins(brought)})
            if as_json
            else f"{printable(folder.name)}: {printable(_import_summary(brought, simulated))}"
        )
    if not any(each.bundles or each.taps or each.measurements or each.known for each in results):
        raise FileError("Nothing of that could be added; name a folder of bundles, or with --ooni OONI's measurements.")


def _import_summary(brought: ImportCount, simulated: bool) -> str:
    kinds = ((brought.bundles, "bundles"), (brought.taps, "taps"), (brought.measurements, "measurements"))
    added = " and ".join(f"{count} {words}" for count, words in kinds if count) or "nothing"
    not_added = (
        (brought.known, "there already"),
        (brought.refused, f"refused ({'; '.join(f'{count} {why}' for why, count in brought.why_refused.items())})"),
        (brought.unfit, "of no use"),
        (brought.others, "of other tests or of no known network"),
    )
    rest = "".join(f", {count} {words}" for count, words in not_added if count)
    return f"{'SIMULATED: ' if simulated else ''}{added} taken{rest}."
