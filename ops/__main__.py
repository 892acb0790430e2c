"""`handoff`: what an operator asks and tells the product.

Exit codes: 0 done, 1 something needs attention, 2 it could not be asked, 3 no such thing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final, NoReturn

from msgspec.structs import replace
from rich.console import Console

from libs.errors import HandoffError, SettingsError, Unavailable
from libs.runtime.clock import SystemClock
from libs.streams.oversight import Oversight
from ops import decisions, streams, threads
from ops.desk import THREAD, Desk, open_desk, open_oversight
from ops.export import export
from ops.held_leads import held_leads
from ops.open_leads import open_leads
from ops.show import Shown, plain, put


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Who mistyped a command wants to see one written well, not all that there is."""
        example = EXAMPLES.get(self.prog.removeprefix("handoff").strip(), "handoff --help")
        self.exit(2, f"{self.prog}: {message}.\nFor example: {example}\n")


if TYPE_CHECKING:
    # argparse gives this class no public name.
    Subparsers = argparse._SubParsersAction[_Parser]  # noqa: SLF001

Run = Callable[[Desk, argparse.Namespace], Awaitable[Shown]]
Oversee = Callable[[Oversight, argparse.Namespace], Awaitable[Shown]]
"""Needs Redis only: it works while the record store is down."""


def main() -> None:
    sys.exit(asyncio.run(answer(parser().parse_args())))


async def answer(args: argparse.Namespace) -> int:
    try:
        # On a terminal only, and beside what is printed for it or for a program.
        with Console(stderr=True).status(f"handoff {args.command}"):
            async with AsyncExitStack() as stack:
                shown = await _asked(args, stack)
    except Unavailable as problem:
        return _failed(f"{problem}; see `handoff doctor`.")
    except SettingsError as problem:
        return _failed(str(problem))
    except HandoffError as problem:
        return _failed(f"{problem}.")
    try:
        put(shown, as_json=args.json)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return shown.code


async def _asked(args: argparse.Namespace, stack: AsyncExitStack) -> Shown:
    if args.oversee:
        oversee: Oversee = args.oversee
        return await oversee(await open_oversight(os.environ, stack), args)
    if args.command == "doctor":
        # It knows all parts, and how a lead is read: imports that no other command waits for.
        from ops.doctor import examine

        return await examine(os.environ, stack)
    run: Run = args.run
    desk = await open_desk(os.environ, stack)
    shown = await run(desk, args)
    return replace(shown, warnings=[_left_out(key) for key in sorted(map(str, desk.unreadable))])


def _left_out(key: str) -> str:
    return f"{key} cannot be read (spoiled, or of a later release), so what it says is left out."


def _thread_id(text: str) -> str:
    if THREAD.fullmatch(text):
        return text
    raise argparse.ArgumentTypeError(
        f"{text!r} is no thread id: it begins with cthr_ and stands in the subject of its mail"
    )


def _failed(sentence: str) -> int:
    print(f"handoff: {plain(sentence)}", file=sys.stderr)
    return 2


def parser() -> argparse.ArgumentParser:
    top = _Parser(
        prog="handoff",
        description="Ask and steer a running Handoff. Settings come from the same environment.",
        epilog="Exit codes: 0 done, 1 needs attention, 2 could not be asked, 3 no such thing.",
    )
    common = _Parser(add_help=False)
    common.add_argument("--json", action="store_true", help="print JSON for a program")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(
        name: str, what: str, run: Run | None = None, oversee: Oversee | None = None
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=what, description=what, parents=[common])
        made.set_defaults(run=run, oversee=oversee)
        return made

    why = add("why", "the whole story of a thread, and the next step to take", _why)
    why.add_argument("thread", type=_thread_id)
    lead = add("lead", "what the lead of a thread says", _lead)
    lead.add_argument("thread", type=_thread_id)
    resend = add("resend", "send a held lead after all, or settle it as arrived", _resend)
    resend.add_argument("thread", type=_thread_id)
    resend.add_argument("--attempt", type=int, required=True, help="the one `handoff why` shows")
    resend.add_argument("--arrived", action="store_true", help="the shop has it: send nothing")
    close = add("close", "end a held lead without a mail", _close)
    close.add_argument("thread", type=_thread_id)
    close.add_argument("--attempt", type=int, required=True, help="the one `handoff why` shows")
    for name, said, oversee in _ON_STREAMS:
        one = add(name, said, oversee=oversee)
        if name != "streams":
            one.add_argument("stream")
    add("doctor", "is every part as it should be?")
    forget_ = add("forget", "remove a person everywhere", _forget)
    forget_.add_argument("who", help="a thread id, an email address or a phone number")
    leads = commands.add_parser("leads", help="sent, open and held leads", description="many leads")
    _add_leads(leads.add_subparsers(required=True), common)
    dead = commands.add_parser("dead", help="parked messages", description="parked messages")
    _add_dead(dead.add_subparsers(required=True), common)
    return top


def _add_dead(what: Subparsers, common: _Parser) -> None:
    said = "all of them, with their reasons"
    listing = what.add_parser("list", help=said, description=said, parents=[common])
    listing.add_argument("stream", nargs="?", default="")
    listing.set_defaults(oversee=lambda o, args: streams.dead_list(o, args.stream))
    for name, said, oversee in _DEAD:
        one = what.add_parser(name, help=said, description=said, parents=[common])
        one.add_argument("id")
        one.set_defaults(oversee=oversee)


def _add_leads(what: Subparsers, common: _Parser) -> None:
    said = "as a table, or as conversions for Google's Data Manager"
    one = what.add_parser("export", help=said, description=said, parents=[common])
    one.add_argument("--format", choices=("csv", "json", "google"), help="csv, when not given")
    one.add_argument("--shop", default="", help="slug; the default shop when not given")
    one.set_defaults(oversee=None, run=_export)
    said = "those that would still become a mail, and visitors yet to be looked at"
    waiting = what.add_parser("open", help=said, description=said, parents=[common])
    waiting.set_defaults(oversee=None, run=lambda desk, _: open_leads(desk))
    said = "those that wait for a person"
    held = what.add_parser("held", help=said, description=said, parents=[common])
    held.set_defaults(oversee=None, run=lambda desk, _: held_leads(desk))


async def _streams(oversight: Oversight, _: argparse.Namespace) -> Shown:
    return await streams.overview(oversight, SystemClock().now())


async def _export(desk: Desk, args: argparse.Namespace) -> Shown:
    if args.json and args.format == "csv":
        raise SettingsError("--json and --format csv contradict each other; give one of them.")
    return await export(desk, args.shop, form=args.format or "csv")


async def _forget(desk: Desk, args: argparse.Namespace) -> Shown:
    from ops.forget import forget

    return await forget(desk, args.who)


async def _why(desk: Desk, args: argparse.Namespace) -> Shown:
    return await threads.why(desk, args.thread)


async def _lead(desk: Desk, args: argparse.Namespace) -> Shown:
    return await threads.lead(desk, args.thread)


async def _resend(desk: Desk, args: argparse.Namespace) -> Shown:
    return await decisions.resend(desk, args.thread, attempt=args.attempt, arrived=args.arrived)


async def _close(desk: Desk, args: argparse.Namespace) -> Shown:
    return await decisions.close(desk, args.thread, attempt=args.attempt)


EXAMPLES: Final = {
    "": "handoff doctor, or handoff why cthr_0123; all commands: handoff --help",
    "why": "handoff why cthr_0123",
    "lead": "handoff lead cthr_0123",
    "resend": "handoff resend cthr_0123 --attempt 1",
    "close": "handoff close cthr_0123 --attempt 1",
    "pause": "handoff pause mail.send",
    "resume": "handoff resume mail.send",
    "forget": "handoff forget ana@example.com",
    "leads": "handoff leads open",
    "leads export": "handoff leads export --format csv",
    "dead": "handoff dead list",
    "dead show": "handoff dead show mail.send/1700000000000-0",
    "dead retry": "handoff dead retry mail.send/1700000000000-0",
    "dead drop": "handoff dead drop mail.send/1700000000000-0",
}
"""Of each command that can be written wrong."""
_ON_STREAMS: Final[tuple[tuple[str, str, Oversee], ...]] = (
    (
        "streams",
        "every stream, what waits in it, and whether it is read",
        _streams,
    ),
    ("pause", "start nothing new on a stream", lambda o, args: streams.pause(o, args.stream)),
    ("resume", "go on with a paused stream", lambda o, args: streams.resume(o, args.stream)),
)
_DEAD: Final[tuple[tuple[str, str, Oversee], ...]] = (
    ("show", "one, with its message", lambda o, args: streams.dead_show(o, args.id)),
    ("retry", "put one back into its stream", lambda o, args: streams.dead_retry(o, args.id)),
    ("drop", "forget one", lambda o, args: streams.dead_drop(o, args.id)),
)


if __name__ == "__main__":
    main()
